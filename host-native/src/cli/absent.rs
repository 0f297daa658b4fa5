//! What was named and is not there, and what is there instead.

use std::collections::BTreeSet;
use std::fmt::Display;

use coldpress_core::{KeyTarget, ObjectKey};

use super::failure::Failure;
use super::store::Store;

/// How many names a line lists.
const SHOWN_MAX: usize = 20;

/// The failure for a tenant or a collection without data.
pub fn data(store: &Store, tenant: Option<u64>, collection: Option<&str>) -> Failure {
    let what = match (tenant, collection) {
        (Some(tenant), Some(collection)) => {
            format!("no data of tenant {tenant} in collection {collection}")
        }
        (Some(tenant), None) => format!("no data of tenant {tenant}"),
        (None, Some(collection)) => format!("no data in collection {collection}"),
        (None, None) => "no data".to_owned(),
    };
    match there(store, tenant, collection) {
        Ok(there) => Failure::run(format_args!("{what} in {}; {there}", store.name())),
        Err(failure) => failure,
    }
}

/// The failure for the key of an object that the store has not.
pub fn object(store: &Store, key: &str) -> Failure {
    let parsed = ObjectKey::parse(store.storage().prefix(), key);
    let there = match parsed.as_ref().map(ObjectKey::target) {
        Ok(KeyTarget::Data { tenant_id, collection, .. }) => {
            there(store, Some(*tenant_id), Some(collection))
        }
        _ => require(store).map(|()| "check the key".to_owned()),
    };
    match there {
        Ok(there) => Failure::run(format_args!(
            "no object {key} in {}; {there}; `coldpress ls` lists all",
            store.name()
        )),
        Err(failure) => failure,
    }
}

fn require(store: &Store) -> Result<(), Failure> {
    store.ask(store.storage().require())
}

/// In words, what there is: LSNs of the collection, else collections of the tenant, else tenants,
/// or collections of that name.
fn there(store: &Store, tenant: Option<u64>, collection: Option<&str>) -> Result<String, Failure> {
    require(store)?;
    let objects = store.ask(store.storage().contents(None, None))?.objects;
    let data: Vec<(u64, &str, String)> = objects
        .iter()
        .filter_map(|object| match object.key.target() {
            KeyTarget::Data { tenant_id, collection, lsns } => {
                Some((*tenant_id, collection.as_str(), lsns.to_string()))
            }
            KeyTarget::Wal { .. } => None,
        })
        .collect();
    let of_tenant = |of: &u64| tenant.is_none_or(|tenant| tenant == *of);
    let lsns: Vec<&str> = data
        .iter()
        .filter(|(of, name, _)| tenant.is_some() && of_tenant(of) && Some(*name) == collection)
        .map(|(_, _, lsns)| lsns.as_str())
        .collect();
    let collections: BTreeSet<&str> =
        data.iter().filter(|(of, ..)| of_tenant(of)).map(|(_, name, _)| *name).collect();
    let tenants: BTreeSet<u64> = data
        .iter()
        .filter(|(_, name, _)| tenant.is_none() || collection.is_none_or(|wanted| wanted == *name))
        .map(|(of, ..)| *of)
        .collect();
    Ok(match (tenant, collection) {
        (Some(_), Some(name)) if !lsns.is_empty() => {
            format!("collection {name} holds {}", listed("the LSN range", &lsns))
        }
        (Some(tenant), Some(_)) if !collections.is_empty() => {
            format!("tenant {tenant} has {}", listed("the collection", &collections))
        }
        (None, Some(_)) if !collections.is_empty() => {
            format!("the store has {}", listed("the collection", &collections))
        }
        (Some(_), Some(collection)) if !tenants.is_empty() => {
            format!("collection {collection} has data of {}", listed("the tenant", &tenants))
        }
        _ if data.is_empty() => "the store holds no data at all".to_owned(),
        _ => {
            let all: BTreeSet<u64> = data.iter().map(|(of, ..)| *of).collect();
            format!("there is data of {}", listed("the tenant", &all))
        }
    })
}

/// `what` in the singular or the plural, and the names.
fn listed<T: Display>(what: &str, names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let mut shown: Vec<String> =
        names.by_ref().take(SHOWN_MAX).map(|name| name.to_string()).collect();
    if names.next().is_some() {
        shown.push("…".to_owned());
    }
    let plural = if shown.len() == 1 { "" } else { "s" };
    format!("{what}{plural} {}", shown.join(", "))
}
