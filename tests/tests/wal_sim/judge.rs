//! What must hold, at every step and in the end.

use crate::places::checksum;
use crate::world::World;

impl World {
    pub fn content(&self, name: &str) -> &[u8] {
        &self.log.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// It and all before it must be in the store, whole and with their records.
    pub fn check_archived(&mut self, name: &str) {
        self.count("segments archived");
        for (known, bytes) in &self.log {
            // What was taken away is known to be missing, and what rots is found by whoever reads
            // it back.
            let passed_over = self.removed.contains(known) && self.settings.past_gap;
            if !passed_over && !self.rotten.contains(known) && !self.foreign.contains(known) {
                let is_there = self.store.objects.get(known) == Some(bytes);
                assert!(
                    is_there,
                    "{}",
                    self.told(&format!("{name} is archived, and {known} is not"))
                );
                let records = self.store.records.get(known);
                let is_recorded = records.is_some_and(|r| r.contains(&checksum(bytes)));
                assert!(is_recorded, "{}", self.told(&format!("{known} has no record")));
            }
            if known == name {
                return;
            }
        }
        panic!("{}", self.told("archives what was never written"));
    }

    /// Whatever fails and whoever dies: what comes into the store stands behind all that was before
    /// it.
    pub fn check_no_hole_before(&mut self, name: &str) {
        let before = self.log.iter().take_while(|(known, _)| known != name);
        for (known, _) in before {
            // What somebody took away is not the archiver's doing, and may be passed over where
            // that was asked for.
            let passed_over = self.settings.past_gap && self.removed.contains(known);
            // Nor is what somebody deleted in the store while the other machine was under way
            // behind it.
            let deleted = self.is_shared && self.deleted.contains(known);
            let is_there = self.store.objects.contains_key(known);
            assert!(
                is_there || passed_over || deleted,
                "{}",
                self.told(&format!("{name} is there, and {known} is not"))
            );
        }
    }

    /// What is given up here was read back, and the archive has no hole before it.
    pub fn check_settled(&mut self, number: usize, name: &str) {
        self.check_no_hole_before(name);
        let is_proven = self.machines[number].proven.contains(name);
        let is_there = self.store.objects.get(name).map(Vec::as_slice) == Some(self.content(name));
        assert!(is_proven && is_there, "{}", self.told(&format!("gives up {name} unproven")));
    }

    /// What is sealed is in the archive, byte for byte, and nothing else is.
    pub fn judge(&mut self) {
        let sealed = &self.log[..self.log.len() - 1];
        for (name, bytes) in sealed {
            let there = self.store.objects.get(name);
            let passed_over = self.settings.past_gap && self.removed.contains(name);
            let is_right = there == Some(bytes) || (passed_over && there.is_none());
            assert!(is_right, "{}", self.told(&format!("{name} does not come back")));
        }
        let unsealed = &self.log[self.log.len() - 1].0;
        assert!(
            !self.store.objects.contains_key(unsealed) || self.foreign.contains(unsealed),
            "{}",
            self.told("archived the newest")
        );
    }
}
