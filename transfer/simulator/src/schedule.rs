//! What happens when: a heap of moments, and of those at the same moment in the order they were
//! planned in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use engine::Moment;

/// Everything that is yet to happen.
#[derive(Debug)]
pub(crate) struct Schedule<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    planned: u64,
    now: Moment,
}

#[derive(Debug)]
struct Entry<E> {
    at: Moment,
    number: u64,
    event: E,
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0, now: Moment::START }
    }
}

impl<E> Schedule<E> {
    pub(crate) const fn now(&self) -> Moment {
        self.now
    }

    pub(crate) fn after(&mut self, time: Duration, event: E) {
        self.plan(self.now + time, event);
    }

    pub(crate) fn plan(&mut self, at: Moment, event: E) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, number: self.planned, event }));
    }

    /// What happens next; from then on it is that moment.
    pub(crate) fn next(&mut self) -> Option<E> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = self.now.max(entry.at);
        Some(entry.event)
    }
}

/// When an engine is given the time: planned once, however often it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Moment>);

impl Alarm {
    /// Plans that event, unless it comes as early already.
    pub(crate) fn set<E>(&mut self, at: Moment, event: E, plan: &mut Schedule<E>) {
        if self.0.is_none_or(|planned| at < planned) {
            self.0 = Some(at);
            plan.plan(at, event);
        }
    }

    /// Whether this is the event; one that was planned before an earlier one is late.
    pub(crate) fn rings(&mut self, now: Moment) -> bool {
        self.0.take_if(|planned| *planned <= now).is_some()
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
