//! Turns for expensive work. There is a limit of turns in all, and one for each token. Waiting
//! tokens are served in rotation, so that a busy token does not make the others wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::tokens::TokenDigest;

/// The limits of turns. Each is at least 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnLimits {
    /// The most turns at a time.
    pub(super) at_once: usize,
    /// The most turns of one token at a time.
    pub(super) at_once_per_token: usize,
    /// The most requests that wait.
    pub(super) waiting: usize,
    /// The most requests of one token that wait.
    pub(super) waiting_per_token: usize,
}

/// Why a request may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The token has as many waiting requests as it may have.
    OfToken,
    /// The server has as many waiting requests as it may have.
    OfServer,
}

/// The turns of one kind of work.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: TurnLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
    tokens: HashMap<TokenDigest, Share>,
    /// The waiting tokens, in the order in which they are served.
    order: VecDeque<TokenDigest>,
    next: u64,
}

#[derive(Debug, Default)]
struct Share {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// A turn. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    token: TokenDigest,
}

/// A place in the queue. It is given up when it is dropped.
#[derive(Debug)]
struct Place {
    turns: Turns,
    token: TokenDigest,
    id: u64,
    served: bool,
}

impl Turns {
    pub(super) fn new(limits: TurnLimits) -> Self {
        Turns(Arc::new(Shared { limits, state: Mutex::default() }))
    }

    /// Waits for a turn for this token.
    pub(super) async fn take(&self, token: TokenDigest) -> Result<Turn, Full> {
        let (mut place, called) = self.enter(token)?;
        // The sender lives until it is used, so an error also means that the turn is ours.
        let _ = called.await;
        place.served = true;
        Ok(Turn { turns: self.clone(), token })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, token: TokenDigest) -> Result<(Place, oneshot::Receiver<()>), Full> {
        let limits = self.0.limits;
        let mut state = self.state();
        let waiting_of_token = state.tokens.get(&token).map_or(0, |share| share.waiting.len());
        if waiting_of_token >= limits.waiting_per_token {
            return Err(Full::OfToken);
        }
        if state.waiting >= limits.waiting {
            return Err(Full::OfServer);
        }
        let (call, called) = oneshot::channel();
        let id = state.next;
        state.next += 1;
        state.waiting += 1;
        let share = state.tokens.entry(token).or_default();
        share.waiting.push_back((id, call));
        if share.waiting.len() == 1 {
            state.order.push_back(token);
        }
        state.serve(&limits);
        drop(state);
        Ok((Place { turns: self.clone(), token, id, served: false }, called))
    }

    /// Ends a turn.
    fn end(&self, token: &TokenDigest) {
        let mut state = self.state();
        state.running -= 1;
        if let Some(share) = state.tokens.get_mut(token) {
            share.running -= 1;
        }
        state.forget(token);
        state.serve(&self.0.limits);
    }
}

impl State {
    /// Gives free turns to waiting requests.
    fn serve(&mut self, limits: &TurnLimits) {
        while self.running < limits.at_once {
            let may = |token: &TokenDigest| {
                self.tokens.get(token).is_some_and(|s| s.running < limits.at_once_per_token)
            };
            let Some(at) = self.order.iter().position(may) else { return };
            let Some(token) = self.order.remove(at) else { return };
            let Some(share) = self.tokens.get_mut(&token) else { continue };
            let Some((_, call)) = share.waiting.pop_front() else { continue };
            share.running += 1;
            self.running += 1;
            self.waiting -= 1;
            if !share.waiting.is_empty() {
                self.order.push_back(token);
            }
            // A request that has gone away gives its turn back when its place is dropped.
            let _ = call.send(());
        }
    }

    fn forget(&mut self, token: &TokenDigest) {
        if self.tokens.get(token).is_some_and(|s| s.running == 0 && s.waiting.is_empty()) {
            self.tokens.remove(token);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.end(&self.token);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.served {
            return;
        }
        let mut state = self.turns.state();
        let share = state.tokens.get_mut(&self.token);
        let at = share.as_ref().and_then(|s| s.waiting.iter().position(|(id, _)| *id == self.id));
        match (share, at) {
            (Some(share), Some(at)) => {
                share.waiting.remove(at);
                let empty = share.waiting.is_empty();
                state.waiting -= 1;
                if empty {
                    state.order.retain(|token| *token != self.token);
                }
                state.forget(&self.token);
            }
            // It was given a turn and did not take it.
            _ => {
                drop(state);
                self.turns.end(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::pin::Pin;

    use futures_util::FutureExt;

    use super::*;

    const LIMITS: TurnLimits =
        TurnLimits { at_once: 4, at_once_per_token: 2, waiting: 12, waiting_per_token: 8 };

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn, Full>>>>;

    /// Clients that ask for turns; each is named by its token and a number of its own.
    #[derive(Default)]
    struct Clients {
        waiting: BTreeMap<(u8, u32), Waiting>,
        running: BTreeMap<(u8, u32), Turn>,
    }

    impl Clients {
        fn ask(&mut self, turns: &Turns, token: u8, number: u32) {
            let turns = turns.clone();
            let taking = async move { turns.take([token; 32]).await };
            self.waiting.insert((token, number), Box::pin(taking));
        }

        /// Those whose turn it has become.
        fn called(&mut self) -> Vec<(u8, u32)> {
            let mut called = Vec::new();
            for (name, taking) in &mut self.waiting {
                if let Some(taken) = taking.now_or_never() {
                    self.running.insert(*name, taken.unwrap());
                    called.push(*name);
                }
            }
            self.waiting.retain(|name, _| !called.contains(name));
            called
        }
    }

    #[test]
    fn a_token_has_two_turns_and_the_others_do_not_wait_for_it() {
        let turns = Turns::new(LIMITS);
        let mut clients = Clients::default();
        for number in 0..8 {
            clients.ask(&turns, 1, number);
            clients.called();
        }
        assert_eq!(clients.running.len(), 2, "a token has two turns, however many are free");
        clients.ask(&turns, 2, 0);
        assert_eq!(clients.called(), [(2, 0)], "another token does not wait");
        clients.running.remove(&(1, 0));
        assert_eq!(clients.called(), [(1, 2)]);
        clients.running.remove(&(2, 0));
        assert_eq!(clients.called(), [], "the first token has its two turns");
    }

    #[test]
    fn tokens_that_wait_take_turns() {
        let turns = Turns::new(TurnLimits { at_once: 1, ..LIMITS });
        let mut clients = Clients::default();
        clients.ask(&turns, 9, 0);
        assert_eq!(clients.called(), [(9, 0)]);
        for (token, count) in [(1, 4), (2, 1), (3, 2)] {
            for number in 0..count {
                clients.ask(&turns, token, number);
                assert_eq!(clients.called(), []);
            }
        }
        let mut order = Vec::new();
        while let Some((name, turn)) = clients.running.pop_first() {
            drop(turn);
            order.push(name);
            clients.called();
        }
        assert_eq!(order, [(9, 0), (1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2), (1, 3)]);
        assert!(turns.state().tokens.is_empty(), "nothing is kept of tokens that have gone");
    }

    #[test]
    fn a_full_queue_says_whose_it_is_and_who_goes_away_makes_room() {
        let turns =
            Turns::new(TurnLimits { at_once: 1, waiting: 3, waiting_per_token: 2, ..LIMITS });
        let mut clients = Clients::default();
        for (token, number) in [(1, 0), (1, 1), (1, 2)] {
            clients.ask(&turns, token, number);
            clients.called();
        }
        let refused = |token: u8| turns.take([token; 32]).now_or_never().map(|taken| taken.err());
        assert_eq!(refused(1), Some(Some(Full::OfToken)));
        clients.ask(&turns, 2, 0);
        clients.called();
        assert_eq!(refused(3), Some(Some(Full::OfServer)));
        // Its client hung up while it waited.
        clients.waiting.remove(&(1, 1));
        assert_eq!(refused(3), None, "there is room");
        // A place that nobody waits at any more is not served.
        clients.waiting.remove(&(2, 0));
        clients.running.remove(&(1, 0));
        assert_eq!(clients.called(), [(1, 2)]);
        // It was called, and hung up before it knew.
        clients.ask(&turns, 2, 1);
        clients.called();
        clients.running.remove(&(1, 2));
        clients.waiting.remove(&(2, 1));
        clients.ask(&turns, 4, 0);
        assert_eq!(clients.called(), [(4, 0)], "no turn is lost");
        clients.running.clear();
        let state = turns.state();
        assert_eq!((state.running, state.waiting, state.tokens.len()), (0, 0, 0));
    }
}
