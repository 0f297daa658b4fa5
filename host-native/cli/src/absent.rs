//! Failures for names without data. They say what data there is instead.

use std::collections::BTreeSet;
use std::fmt::Display;

use coldpress::{ErrorKind, StoredObject};
use coldpress_core::{KeyTarget, ObjectKey};

use super::failure::Failure;
use super::store;
use super::store::Store;

/// The most names in a line.
const SHOWN_MAX: usize = 20;

/// The failure for a tenant or a collection without data.
pub fn choice(store: &Store, tenant: Option<u64>, collection: Option<&str>) -> Failure {
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

/// The failure for a key without an object.
pub fn object(store: &Store, key: &str) -> Failure {
    let what = format!("there is no object {key} in {}", store.name());
    // A user who may get an object may be forbidden to list.
    let may_list = match store.run(store.storage().require()) {
        Err(interrupted) => return interrupted,
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => return store::failed(&error),
        Ok(found) => found.is_ok(),
    };
    let parsed = ObjectKey::parse(store.storage().prefix(), key);
    let there = match parsed.as_ref().map(ObjectKey::target) {
        Ok(KeyTarget::Data { tenant_id, collection, .. }) if may_list => {
            there(store, Some(*tenant_id), Some(collection))
        }
        _ => Ok("check the key".to_owned()),
    };
    match there {
        Ok(there) => {
            Failure::run(format_args!("{what}; {there}; `coldpress ls` lists all objects"))
        }
        Err(failure) => failure,
    }
}

/// The data that there is, in words: the LSNs of the collection, or else the tenant's collections,
/// or else the tenants. The narrowest listing comes first: a store may have millions of objects.
fn there(store: &Store, tenant: Option<u64>, collection: Option<&str>) -> Result<String, Failure> {
    store.ask(store.storage().require())?;
    if let (Some(tenant), Some(name)) = (tenant, collection) {
        let found = store.ask(store.storage().list(tenant, name, None))?;
        if !found.is_empty() {
            let lsns = found.iter().filter_map(|object| object.key.lsns());
            return Ok(format!("collection {name} holds {}", listed("the LSN range", lsns)));
        }
        let of_tenant = data(store, Some(tenant))?;
        if !of_tenant.is_empty() {
            let collections = BTreeSet::from_iter(of_tenant.iter().map(|(_, name)| name));
            return Ok(format!("tenant {tenant} has {}", listed("the collection", collections)));
        }
    }
    let all = data(store, None)?;
    let tenants = |wanted: Option<&str>| -> BTreeSet<u64> {
        let fits = |name: &str| wanted.is_none_or(|wanted| wanted == name);
        all.iter().filter(|(_, name)| fits(name)).map(|(tenant, _)| *tenant).collect()
    };
    Ok(match (tenant, collection) {
        _ if all.is_empty() => "the store holds no data at all".to_owned(),
        (None, Some(_)) => {
            let collections = BTreeSet::from_iter(all.iter().map(|(_, name)| name));
            format!("the store has {}", listed("the collection", collections))
        }
        (Some(_), Some(name)) if !tenants(Some(name)).is_empty() => {
            format!("collection {name} has data of {}", listed("the tenant", tenants(Some(name))))
        }
        _ => format!("there is data of {}", listed("the tenant", tenants(None))),
    })
}

/// Tenant and collection of every data file.
fn data(store: &Store, tenant: Option<u64>) -> Result<Vec<(u64, String)>, Failure> {
    let objects = store.ask(store.storage().contents(tenant, None))?.objects;
    let of = |object: &StoredObject| match object.key.target() {
        KeyTarget::Data { tenant_id, collection, .. } => Some((*tenant_id, collection.clone())),
        KeyTarget::Wal { .. } => None,
    };
    Ok(objects.iter().filter_map(of).collect())
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
