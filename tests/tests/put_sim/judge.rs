//! What must hold at the end of every day.

use coldpress_core::{Meaning, Put, PutFault, PutRule, StoreStep};

use super::World;
use crate::plan::Moment;

impl World {
    /// At the moment of the outcome.
    pub(super) fn judge_outcome(&mut self, put: &mut Put) {
        let outcome = put.own_outcome().unwrap().clone();
        self.log.push(format!("{} {outcome:?}", self.now_ms));
        assert!(self.under_way.is_empty(), "{}", self.told("something is under way"));
        self.judge_silence(put);
        let same = self.store.object.as_ref().map(|object| object.bytes == self.plan.body);
        // The other writer's object may be deleted between the look and its answer.
        let is_gone = self.store.rival_is_gone;
        let wrong = match &outcome {
            Ok(true) if self.store.created != 1 => Some("says that it was created"),
            Ok(true) if same != Some(true) => Some("success, and other bytes"),
            Ok(false) if same != Some(true) && !is_gone => Some("success without the object"),
            Err(PutFault::Conflict { .. }) if same != Some(false) && !is_gone => {
                Some("a conflict without other content")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            panic!("{}", self.told(wrong));
        }
        self.judge_fair_day(&outcome, put);
    }

    /// After the outcome nothing is wanted any more, whatever the host does.
    fn judge_silence(&mut self, put: &mut Put) {
        let before = format!("{:?}", put.own_outcome());
        put.handle_bytes(5, self.now_ms);
        put.end_body(self.now_ms);
        put.publish(self.now_ms);
        put.abort(self.now_ms);
        assert_eq!(put.poll(self.now_ms), None, "{}", self.told("goes on after the outcome"));
        assert_eq!(put.next_timeout(), None, "{}", self.told("waits after the outcome"));
        assert_eq!(format!("{:?}", put.own_outcome()), before, "{}", self.told("changed its mind"));
        assert!(put.is_staged(), "{}", self.told("is over, and not staged"));
    }

    /// Where nothing stands in the way but another writer, that writer alone decides.
    fn judge_fair_day(&self, outcome: &Result<bool, PutFault>, put: &Put) {
        if !self.plan.is_fair() {
            return;
        }
        let is_right = match &self.plan.rival {
            None => matches!(outcome, Ok(true)),
            Some(rival) if rival.gone_after_ms.is_some() => true,
            Some(rival) => match (rival.bytes == self.plan.body, rival.moment) {
                (true, Moment::Before) => matches!(outcome, Ok(false)),
                (true, _) => outcome.is_ok(),
                (false, Moment::Before) => matches!(outcome, Err(PutFault::Conflict { .. })),
                (false, _) => matches!(outcome, Ok(true) | Err(PutFault::Conflict { .. })),
            },
        };
        assert!(is_right, "{}", self.told("another end on a fair day"));
        assert!(
            put.left_open().is_empty() && !put.may_have_double(),
            "{}",
            self.told("left something behind on a fair day")
        );
    }

    /// Once everything that was on its way has arrived.
    pub(super) fn judge_store(&self, put: &Put) {
        assert!(self.store.created <= 1, "{}", self.told("stored twice"));
        if let Some(object) = self.store.object.as_ref().filter(|object| object.is_ours) {
            assert_eq!(object.bytes, self.plan.body, "{}", self.told("stored other bytes"));
        }
        for id in self.store.uploads.keys() {
            let is_told = match self.heard.contains(id) {
                true => put.left_open().contains(id),
                false => put.may_have_double(),
            };
            assert!(is_told, "{}", self.told(&format!("{id} stays open unsaid")));
        }
        let all_heard = put.left_open().iter().all(|id| self.heard.contains(id));
        assert!(all_heard, "{}", self.told("left open what nobody began"));
        let Some(Err(fault)) = put.own_outcome() else { return };
        if self.store.created == 1 {
            let is_conflict = matches!(fault, PutFault::Conflict { .. });
            assert!(fault.leaves_doubt() || is_conflict, "{}", self.told("says no doubt"));
            assert!(
                self.leaves_doubt(fault, put),
                "{}",
                self.told("stored, and the fault leaves no doubt")
            );
        }
    }

    /// Whether the object may be there though the put failed like this.
    fn leaves_doubt(&self, fault: &PutFault, put: &Put) -> bool {
        let manners = &self.plan.manners;
        let rule = match put.went_by_parts() {
            true => manners.parts_rule,
            false => manners.whole_rule,
        };
        let makes_object =
            |step: &StoreStep| matches!(step, StoreStep::PutObject | StoreStep::Complete);
        match fault {
            PutFault::Answered { step, verdict } => {
                makes_object(step) && verdict.meaning == Meaning::Busy
            }
            PutFault::Unanswered { step, .. } => makes_object(step),
            PutFault::Host { doubt } => doubt.is_some(),
            PutFault::TooSlow | PutFault::Aborted => true,
            // A request that was given up arrives later, and finds the key free or overwrites.
            PutFault::Conflict { .. } => self.store.rival_is_gone || rule == PutRule::LookFirst,
            _ => false,
        }
    }
}
