//! Serves a model to the peers the user names, until it is stopped, taken back or over.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use app::consent::Consent;
use app::naming::short_peer;
use app::ports::{Access, Clock, KnownPeer, Model, Outputs, PieceStore as _, Ports, ServeNews};
use app::quantity::{Limit, Size};
use app::question::{Question, Serving};
use app::serve::{Ended, Event, Served};
use app::settings::Settings;
use app::stop;
use serde_json::{Value, json};
use tokio::sync::Notify;
use verifier::Sha256;
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, SigningKey};
use verifier::request::Offer;
use verifier::scalars::UtcTime;

use crate::args::ServeArgs;
use crate::fault::Fault;
use crate::library::{failed, with_model};
use crate::naming;
use crate::outcome::{Outcome, printable};
use crate::peer::own_addresses;
use crate::progress::Progress;
use crate::prompt;
use crate::session::{self, Session};
use crate::share::kept_manifest;
use crate::wiring::Wiring;

/// `share serve`.
///
/// # Errors
///
/// [`Fault`] if serving cannot begin, or this machine fails.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &ServeArgs,
) -> Result<Outcome, Fault> {
    let mut settings = session.settings()?;
    if let Some(Limit(bytes)) = args.upload_limit {
        settings.upload_limit = bytes;
    }
    settings.listen = args.listen.unwrap_or(settings.listen);
    if !args.address.is_empty() {
        settings.addresses.clone_from(&args.address);
    }
    serve_from(session, args, &settings, |ports| ports).await
}

/// Serves from what `wrap` makes of the ports.
///
/// # Errors
///
/// As [`run`].
pub async fn serve_from<W: Wiring, P: Ports<Clock: Clone>>(
    session: &mut Session<'_, W>,
    args: &ServeArgs,
    settings: &Settings,
    wrap: impl FnOnce(W::Ports) -> P,
) -> Result<Outcome, Fault> {
    check_offer_place(args, settings)?;
    let ports = wrap(session.open_with(settings)?);
    let key = session.identity()?;
    let model = naming::model(&**ports.store(), &args.model).await?;
    let known = ports.store().peers().await.map_err(failed)?;
    let mut peers: Vec<KnownPeer> = Vec::new();
    for name in &args.to {
        let peer = naming::peer(&known, name)?;
        if peer.access == Access::Blocked {
            let what = format!("{} is blocked", peer.label);
            let advice = "Unblock it first with `minimodel peer unblock`, if you want that.";
            return Err(Fault::usage("--to", what, advice));
        }
        if peers.iter().all(|other| other.id != peer.id) {
            peers.push(peer.clone());
        }
    }
    let consent = agree(&ports, session, args, settings.listen, &model, &peers).await?;
    let order = Order {
        listen: settings.listen,
        artifact: model.artifact,
        until_input_ends: args.until_input_ends,
        ready: Ready {
            args,
            addresses: &settings.addresses,
            model: &model,
            key: &key,
            names: &known,
        },
    };
    let paint = session.terminal.paint();
    let mut teller = Progress::count("serve", paint);
    let served = serve(&ports, order, consent, &mut teller).await;
    teller.finish();
    let served = served?;
    session.terminal.say(match served.ended {
        Ended::Stopped => "Stopped.",
        Ended::NoGrant => "Stopped: no peer may have it any more (taken back, used up or over).",
    });
    Ok(outcome(&model, &served))
}

/// Refuses an offer that could not be written or would say no address, before anything starts.
fn check_offer_place(args: &ServeArgs, settings: &Settings) -> Result<(), Fault> {
    let Some(path) = &args.offer else { return Ok(()) };
    if path.symlink_metadata().is_ok() {
        return Err(Fault::exists(path).at(Some("--offer")));
    }
    let listen = settings.listen;
    if !settings.addresses.is_empty() {
        own_addresses(&settings.addresses, listen.port())?;
    } else if listen.ip().is_unspecified() {
        let what = format!("{listen} is no address that peers could call");
        let guess = own_addresses(&[], listen.port().max(1));
        let example = guess.ok().and_then(|found| found.first().map(ToString::to_string));
        let example = example.unwrap_or_else(|| "mmp://192.168.1.20:9410".to_owned());
        let advice = format!("Say where peers call you, for example --address {example}");
        return Err(Fault::usage("--address", what, advice));
    }
    Ok(())
}

async fn agree<P: Ports, W: Wiring>(
    ports: &P,
    session: &mut Session<'_, W>,
    args: &ServeArgs,
    listen: SocketAddr,
    model: &Model,
    peers: &[KnownPeer],
) -> Result<Consent, Fault> {
    let manifest = kept_manifest(&**ports.store(), model).await?;
    let now = ports.clock().now();
    let serving = Serving { model, manifest: &manifest, listen, peers };
    let limit = args.bytes.map(|Size(bytes)| bytes);
    let stop = format!("press Ctrl-C, or `minimodel share stop {}`", model.model_id);
    let question = Question::serve(&serving, limit, now.plus(args.span.0), stop);
    let yes = prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    yes.write_down(&**ports.journal(), now).await.map_err(|error| Fault::blamed(&error))
}

/// What is served, where, and what happens once peers can call.
struct Order<'a> {
    listen: SocketAddr,
    artifact: Sha256,
    until_input_ends: bool,
    ready: Ready<'a>,
}

async fn serve<P: Ports>(
    ports: &P,
    order: Order<'_>,
    consent: Consent,
    teller: &mut Progress,
) -> Result<Served, Fault>
where
    P::Clock: Clone,
{
    let Order { listen, artifact, until_input_ends, ready } = order;
    let mut trouble = None;
    let give_up = Arc::new(Notify::new());
    let on = |event: Event| match event {
        Event::Listening(address) => {
            if let Err(fault) = ready.tell(&**ports.outputs(), address, ports.clock().now(), teller)
            {
                trouble = Some(fault);
                give_up.notify_one();
            }
        }
        Event::Callers(news) => ready.tell_news(&news, teller),
        _ => {}
    };
    let stop = async {
        tokio::select! {
            () = stopped(until_input_ends) => {}
            () = give_up.notified() => {}
        }
    };
    let served = app::serve::serve(ports, artifact, listen, consent, on, stop)
        .await
        .map_err(|error| Fault::blamed(&error));
    match trouble {
        Some(fault) => Err(fault),
        None => served,
    }
}

/// Waits for the wish that the program end; or for the end of standard input, if that counts.
async fn stopped(until_input_ends: bool) {
    let input_ends = async {
        if until_input_ends {
            input_end().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = stop::wished() => {}
        () = input_ends => {}
    }
}

/// Waits for the end of standard input, on a thread that the program does not wait for.
async fn input_end() {
    let ended = Arc::new(Notify::new());
    let teller = Arc::clone(&ended);
    std::thread::spawn(move || {
        // However it ends, nobody holds the other end any more.
        let _ok = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        teller.notify_one();
    });
    ended.notified().await;
}

/// Says that peers can call, and writes the offer.
#[derive(Clone, Copy)]
struct Ready<'a> {
    args: &'a ServeArgs,
    addresses: &'a [String],
    model: &'a Model,
    key: &'a SigningKey,
    names: &'a [KnownPeer],
}

impl Ready<'_> {
    fn tell(
        &self,
        outputs: &impl Outputs,
        address: SocketAddr,
        now: UtcTime,
        teller: &Progress,
    ) -> Result<(), Fault> {
        if let Some(path) = &self.args.offer {
            let offer = self.offer(address, now)?;
            session::write(outputs, path, offer.bytes())?;
        }
        teller.say(&format!(
            "serving {} {} on {address}{}; Ctrl-C stops",
            self.model.model_id,
            self.model.model_version,
            offer_note(self.args.offer.as_deref())
        ));
        Ok(())
    }

    fn offer(&self, address: SocketAddr, now: UtcTime) -> Result<Offer, Fault> {
        let addresses = if self.addresses.is_empty() {
            let own = PeerAddress::from_socket(address.ip(), address.port());
            vec![own.map_err(|error| Fault::coded(&error))?]
        } else {
            own_addresses(self.addresses, address.port())?
        };
        app::serve::offer(self.model, self.key, addresses, now, now.plus(self.args.span.0))
            .map_err(|error| Fault::blamed(&error))
    }

    fn tell_news(&self, news: &ServeNews, teller: &mut Progress) {
        match news {
            ServeNews::Called(peer) => {
                teller.connected(*peer);
                teller.say(&format!("{} called", self.name(*peer)));
            }
            ServeNews::Left(peer) => {
                teller.lost(*peer);
                teller.say(&format!("{} left", self.name(*peer)));
            }
            ServeNews::TurnedAway { from, why } => {
                teller.say(&format!("turned away a caller from {from}: {}", printable(why)));
            }
            ServeNews::Sent { bytes, .. } => teller.advance(*bytes),
            _ => {}
        }
    }

    fn name(&self, peer: PeerId) -> String {
        let label = self.names.iter().find(|known| known.id == peer).map(|known| &known.label);
        label.map_or_else(|| short_peer(peer), ToString::to_string)
    }
}

fn offer_note(offer: Option<&Path>) -> String {
    offer.map_or_else(String::new, |path| format!(", offer in {}", path.display()))
}

fn outcome(model: &Model, served: &Served) -> Outcome {
    let peers: Vec<Value> = served
        .taken
        .iter()
        .map(|(peer, bytes)| json!({"id": peer.to_string(), "bytes": bytes}))
        .collect();
    with_model(Outcome::new(), model).with("peer", peers).with(
        "ended",
        match served.ended {
            Ended::Stopped => "stopped",
            Ended::NoGrant => "no-grant",
        },
    )
}
