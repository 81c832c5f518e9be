//! Bytes that may move, and bytes that moved and are not written down yet.

use std::collections::{BTreeMap, VecDeque};

use app::ports::{Record, Spend, What};
use verifier::Sha256;
use verifier::consent::Act;
use verifier::identity::PeerId;
use verifier::scalars::{Id, UtcTime};

use super::tally::Used;

/// What moves one way between this machine and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    act: Act,
    artifact: Sha256,
    peer: Option<PeerId>,
}

impl Flow {
    pub(super) const fn new(act: Act, artifact: Sha256, peer: Option<PeerId>) -> Self {
        Self { act, artifact, peer }
    }

    pub(super) const fn of(spend: &Spend) -> Self {
        Self::new(spend.act, spend.artifact, spend.peer)
    }
}

/// Bytes that may move, by the grant that allows it; and the record of those that moved.
#[derive(Debug, Default)]
pub(super) struct Moving {
    /// What may move, in the order in which it was allowed. The last grant stays, without bytes.
    held: BTreeMap<Flow, VecDeque<(Id, u64)>>,
    /// The same in all, by grant.
    by_grant: Used,
    unwritten: BTreeMap<Flow, Record>,
}

impl Moving {
    /// How many bytes may still move under a grant that were allowed already.
    pub(super) fn held(&self, grant: &Id) -> u64 {
        self.by_grant.get(grant).copied().unwrap_or(0)
    }

    pub(super) fn hold(&mut self, flow: Flow, grant: &Id, bytes: u64) {
        let held = self.held.entry(flow).or_default();
        match held.back_mut() {
            Some((last, sum)) if last == grant => *sum = sum.saturating_add(bytes),
            _ => held.push_back((grant.clone(), bytes)),
        }
        let sum = self.by_grant.entry(grant.clone()).or_default();
        *sum = sum.saturating_add(bytes);
    }

    /// Takes bytes that moved out of those that may; gives the grants to count them under.
    pub(super) fn moved(&mut self, spend: &Spend, now: UtcTime) -> Vec<(Id, u64)> {
        self.write(spend, now);
        let Some(held) = self.held.get_mut(&Flow::of(spend)) else { return Vec::new() };
        let mut counted = Vec::new();
        let mut left = spend.bytes;
        while let Some((grant, sum)) = held.front_mut() {
            let part = left.min(*sum);
            *sum -= part;
            left -= part;
            take(&mut self.by_grant, grant, part);
            counted.push((grant.clone(), part));
            if *sum > 0 || held.len() == 1 {
                break;
            }
            held.pop_front();
        }
        // What moved although it was let go counts all the same.
        if let Some((_, last)) = counted.last_mut() {
            *last = last.saturating_add(left);
        }
        counted
    }

    /// Takes bytes that will not move out of those that may, the last that were allowed first.
    pub(super) fn give_back(&mut self, flow: Flow, mut bytes: u64) {
        let Some(held) = self.held.get_mut(&flow) else { return };
        while let Some((grant, sum)) = held.back_mut() {
            let part = bytes.min(*sum);
            *sum -= part;
            bytes -= part;
            take(&mut self.by_grant, grant, part);
            if bytes == 0 || held.len() == 1 {
                break;
            }
            held.pop_back();
        }
    }

    /// Forgets what may move and did not.
    pub(super) fn let_go(&mut self, flow: Flow) {
        let Some(held) = self.held.get_mut(&flow) else { return };
        for (grant, sum) in held.iter_mut() {
            take(&mut self.by_grant, grant, std::mem::take(sum));
        }
        held.drain(..held.len().saturating_sub(1));
    }

    fn write(&mut self, spend: &Spend, now: UtcTime) {
        let what = match spend.act {
            Act::Serve => What::Served,
            Act::Fetch => What::Fetched,
            // They move nothing between machines.
            Act::Import | Act::Cache | Act::Publish => return,
        };
        let record = self.unwritten.entry(Flow::of(spend)).or_insert_with(|| Record {
            time: now,
            what,
            model_id: spend.model_id.clone(),
            artifact: spend.artifact,
            peer: spend.peer,
            bytes: 0,
            note: String::new(),
        });
        record.time = record.time.max(now);
        record.bytes = record.bytes.saturating_add(spend.bytes);
    }

    /// What moved and is not written down yet, to be written down now.
    pub(super) fn take_unwritten(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.unwritten).into_values().collect()
    }

    /// Takes back what could not be written down.
    pub(super) fn put_back(&mut self, records: Vec<Record>) {
        for record in records {
            let act = if record.what == What::Served { Act::Serve } else { Act::Fetch };
            let Record { time, model_id, artifact, peer, bytes, .. } = record;
            self.write(&Spend { act, model_id, artifact, peer, bytes }, time);
        }
    }
}

fn take(from: &mut Used, grant: &Id, bytes: u64) {
    if let Some(sum) = from.get_mut(grant) {
        *sum = sum.saturating_sub(bytes);
        if *sum == 0 {
            from.remove(grant);
        }
    }
}

#[cfg(test)]
mod tests {
    use app::ports::Spend;
    use verifier::Sha256;
    use verifier::consent::Act;
    use verifier::scalars::{Id, UtcTime};

    use super::{Flow, Moving};

    fn spend(bytes: u64) -> Spend {
        let model_id = Id::parse("tiny").unwrap();
        Spend { act: Act::Serve, model_id, artifact: Sha256::of(b"tiny"), peer: None, bytes }
    }

    #[test]
    fn what_moved_counts_under_the_grant_that_allowed_it() {
        let [one, two] = ["one", "two"].map(|text| Id::parse(text).unwrap());
        let mut moving = Moving::default();
        let flow = Flow::of(&spend(0));
        let at = UtcTime::from_unix;
        moving.hold(flow, &one, 10);
        moving.hold(flow, &two, 10);
        assert_eq!(moving.moved(&spend(4), at(1)), [(one.clone(), 4)]);
        assert_eq!(moving.moved(&spend(8), at(3)), [(one.clone(), 6), (two.clone(), 2)]);
        assert_eq!((moving.held(&one), moving.held(&two)), (0, 8));
        moving.let_go(flow);
        assert_eq!(moving.held(&two), 0);
        // It was on its way when it was let go.
        assert_eq!(moving.moved(&spend(1), at(2)), [(two, 1)]);

        let written = moving.take_unwritten();
        let [record] = &written[..] else { panic!("{written:?}") };
        assert_eq!((record.bytes, record.time), (13, at(3)));
        moving.put_back(written.clone());
        assert_eq!(moving.take_unwritten(), written);
        assert_eq!(moving.take_unwritten(), []);
    }

    #[test]
    fn what_will_not_move_is_free_for_others() {
        let [one, two] = ["one", "two"].map(|text| Id::parse(text).unwrap());
        let (mut moving, flow) = (Moving::default(), Flow::of(&spend(0)));
        moving.hold(flow, &one, 10);
        moving.hold(flow, &two, 10);
        moving.give_back(flow, 14);
        assert_eq!((moving.held(&one), moving.held(&two)), (6, 0));
        moving.give_back(flow, 99);
        assert_eq!((moving.held(&one), moving.held(&two)), (0, 0));
    }
}
