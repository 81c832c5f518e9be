//! Who calls: the handshake, in which strangers are turned away.

use std::io;
use std::time::Duration;

use app::naming::short_peer;
use app::ports::Provider;
use engine::Ending;
use engine::wire::{HEADER_LEN, MAX_BLOCK};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use verifier::Code;
use verifier::identity::PeerId;

use crate::identity::{Verdict, peer_of};

/// A connection to a peer that called.
pub(super) type Call = TlsStream<BufReader<TcpStream>>;

/// How much is read from the socket at a time, in bytes; callers send little.
const READ_AHEAD: usize = 8 << 10;
/// How many bytes TLS holds before it wants them sent: a whole block and its records.
const WRITE_BUFFER: usize = (MAX_BLOCK as usize + HEADER_LEN + 8) * 17 / 16;
/// How long a caller that is turned away may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// Shakes hands.
///
/// # Errors
///
/// [`Ending`] says why the caller was turned away, as one clause.
pub(super) async fn shake_hands(
    tls: TlsAcceptor,
    stream: TcpStream,
    provider: &impl Provider,
) -> Result<(Call, PeerId), Ending> {
    stream.set_nodelay(true).map_err(|error| turned_away(format!("it was lost: {error}")))?;
    let stream = BufReader::with_capacity(READ_AHEAD, stream);
    let accept = tls.accept_with(stream, |connection| {
        connection.set_buffer_limit(Some(WRITE_BUFFER));
    });
    match accept.into_fallible().await {
        Ok(call) => match peer_of(call.get_ref().1) {
            Ok(peer) => Ok((call, peer)),
            Err(error) => Err(turned_away(error.to_string())),
        },
        Err((error, _)) if Verdict::of(&error) == Some(Verdict::HungUp) => {
            // As one does that was faster at another address.
            tracing::debug!(%error, "a caller hung up in the handshake");
            Err(Ending::HungUp)
        }
        Err((error, mut stream)) => {
            // Hung up on while it speaks, it might not hear why.
            let farewell = async {
                stream.shutdown().await?;
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
            };
            timeout(FAREWELL, farewell).await.ok();
            Err(turned_away(why(&error, provider).await))
        }
    }
}

/// Why a handshake failed, as one clause.
async fn why(error: &io::Error, provider: &impl Provider) -> String {
    match Verdict::of(error) {
        Some(Verdict::Stranger(peer)) => match provider.label(peer).await {
            Some(label) => format!("{label} is blocked here"),
            None => format!("{} is not paired with you", short_peer(peer)),
        },
        Some(Verdict::SomebodyElseWanted) => {
            "it looked for somebody else at this address".to_owned()
        }
        _ => format!("it does not speak as a companion does: {error}"),
    }
}

fn turned_away(why: String) -> Ending {
    Ending::Unreachable { why, code: Code::new("session", "handshake"), again: false }
}
