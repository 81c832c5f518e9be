//! Messages to the use cases that wait to be taken.

use std::collections::VecDeque;

use tokio::sync::mpsc;

/// Messages in their order; whoever owns the decisions never waits for who reads them.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    to: mpsc::Sender<T>,
    waiting: VecDeque<T>,
}

/// Nobody reads any more.
#[derive(Debug)]
pub(crate) struct Gone;

impl<T> Outbox<T> {
    pub(crate) const fn new(to: mpsc::Sender<T>) -> Self {
        Self { to, waiting: VecDeque::new() }
    }

    pub(crate) fn push(&mut self, message: T) {
        self.waiting.push_back(message);
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Hands over messages as they are taken, until there are no more; can be given up and called
    /// again.
    pub(crate) async fn pass(&mut self) -> Result<(), Gone> {
        while !self.waiting.is_empty() {
            let Ok(permit) = self.to.reserve().await else {
                self.waiting.clear();
                return Err(Gone);
            };
            if let Some(message) = self.waiting.pop_front() {
                permit.send(message);
            }
        }
        Ok(())
    }

    /// Resolves when nobody reads any more.
    pub(crate) async fn closed(&self) {
        self.to.closed().await;
    }
}
