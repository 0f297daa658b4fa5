//! What a floor plan forbids: circles of files, and arrows upward.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Arrow, Package};

/// The rooms of a package, the upper floors first. A room imports from the floors below its own
/// alone: not from rooms beside it.
pub type Floors<'f> = &'f [&'f [&'f str]];

/// Circles of files: each as its files in order, the first one again at the end.
pub fn circles<'a>(arrows: impl IntoIterator<Item = &'a Arrow>) -> Vec<String> {
    let mut to: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in arrows {
        to.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let mut circles = Vec::new();
    let mut told = BTreeSet::new();
    for start in to.keys().copied() {
        if told.contains(start) {
            continue;
        }
        if let Some(way) = shortest(&to, start) {
            told.extend(way.iter().copied());
            circles.push(way.join(" → "));
        }
    }
    circles
}

/// The shortest way from a file back to itself.
fn shortest<'a>(to: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut front = vec![start];
    while !front.is_empty() {
        let mut next = Vec::new();
        for file in front {
            for target in to.get(file).into_iter().flatten().copied() {
                if target == start {
                    let mut way = vec![start, file];
                    while let Some(file) = before.get(way[way.len() - 1]) {
                        way.push(file);
                    }
                    if file == start {
                        way.pop();
                    }
                    way.reverse();
                    way.push(start);
                    way.dedup();
                    return Some(way);
                }
                if !before.contains_key(target) {
                    before.insert(target, file);
                    next.push(target);
                }
            }
        }
        front = next;
    }
    None
}

/// What is wrong with a package by its floor plan: rooms that the plan does not have, or that are
/// not there, and arrows that do not go down.
pub fn off_plan(package: &Package, floors: Floors<'_>) -> Vec<String> {
    let floor_of: BTreeMap<&str, usize> = floors
        .iter()
        .enumerate()
        .flat_map(|(floor, rooms)| rooms.iter().map(move |room| (*room, floor)))
        .collect();
    let planned: BTreeSet<&str> = floor_of.keys().copied().collect();
    let there = package.rooms();
    let unplanned =
        there.difference(&planned).map(|room| format!("room {room} is not in the plan"));
    let absent =
        planned.difference(&there).map(|room| format!("the plan has a room {room} too many"));
    let mut wrong: Vec<String> = unplanned.chain(absent).collect();
    for arrow in package.arrows() {
        let (from, to) = (package.room(&arrow.from), package.room(&arrow.to));
        let goes_down = match (from, to) {
            (Some(from), Some(to)) => from == to || floor_of.get(from) < floor_of.get(to),
            // The root shows what the rooms have; nothing is in it that they could use.
            (None, _) => true,
            (Some(_), None) => false,
        };
        if !goes_down {
            wrong.push(format!("{} imports {}, from {}", arrow.from, arrow.path, arrow.to));
        }
    }
    wrong
}
