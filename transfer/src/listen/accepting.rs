//! Taking calls, also while the system has no room for them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

/// Where calls come in. A caller that hung up before it was taken, or too many open files, ends
/// nothing: after a pause it goes on, for ever.
pub(super) struct Accepting<A> {
    calls: A,
    /// When the next call is taken; nothing unless the last one could not be.
    paused: Option<Instant>,
}

/// What calls come from: a listener, and in tests one that fails.
pub(super) trait Calls: Send {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Calls for TcpListener {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }
}

impl<A: Calls> Accepting<A> {
    const PAUSE: Duration = Duration::from_millis(100);

    pub(super) const fn new(calls: A) -> Self {
        Self { calls, paused: None }
    }

    /// The next call; can be given up and called again.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(until) = self.paused {
                sleep_until(until).await;
            }
            match self.calls.accept().await {
                Ok(call) => {
                    self.paused = None;
                    return call;
                }
                Err(error) => {
                    if self.paused.is_none() {
                        tracing::warn!(%error, "calls cannot be taken now");
                    }
                    self.paused = Some(Instant::now() + Self::PAUSE);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A listener of a process that has too many files open for a while.
    struct Crowded(TcpListener, AtomicU32);

    impl Calls for Crowded {
        async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
            let left = self.1.fetch_sub(1, Ordering::Relaxed);
            if left > 1 { Err(io::Error::from_raw_os_error(24)) } else { self.0.accept().await }
        }
    }

    #[tokio::test]
    async fn calls_are_taken_again_once_there_is_room_for_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut accepting = Accepting::new(Crowded(listener, AtomicU32::new(500)));
        let caller = TcpStream::connect(address).await.unwrap();
        tokio::time::pause();
        let (_call, from) = accepting.next().await;
        assert_eq!(from, caller.local_addr().unwrap());
    }
}
