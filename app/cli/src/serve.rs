//! Serves a model to the peers the user names, until it is stopped, taken back or over.

mod callers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use app::consent::Consent;
use app::naming::short_peer;
use app::ports::{
    Access, Clock as _, Journal as _, KnownPeer, Model, Outputs, PieceStore as _, Ports, ServeNews,
};
use app::quantity::{Limit, Size};
use app::question::{Question, Serving, Told};
use app::serve::{Bound, Ended, Event, Served, least_piece};
use app::settings::Settings;
use serde_json::{Value, json};
use tokio::sync::Notify;
use verifier::boundary::PeerAddress;
use verifier::identity::PeerId;
use verifier::request::Offer;
use verifier::scalars::Id;

use crate::args::ServeArgs;
use crate::check::texts;
use crate::fault::Fault;
use crate::library::{failed, with_model};
use crate::naming;
use crate::outcome::Outcome;
use crate::peer::own_addresses;
use crate::progress::Progress;
use crate::prompt;
use crate::session::{self, Session};
use crate::share::kept_manifest;
use crate::terminal::Terminal;
use crate::wiring::Wiring;
pub use callers::Callers;

/// Why serving ends by itself.
pub const NO_GRANT: &str =
    "no peer may have it any more by this yes (taken back, used up or over).";

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
    if let Some(Limit(bytes)) = args.peer_limit {
        settings.peer_limit = bytes;
    }
    settings.listen = args.listen.unwrap_or(settings.listen);
    if !args.address.is_empty() {
        settings.addresses.clone_from(&args.address);
    }
    serve_from(session, args, &settings, None, |ports| ports).await
}

/// Serves from what `wrap` makes of the ports: tries what can fail, asks, writes the yes down, and
/// begins. A `warning` stands in the question.
///
/// # Errors
///
/// As [`run`].
pub async fn serve_from<W: Wiring, P: Ports<Clock: Clone>>(
    session: &mut Session<'_, W>,
    args: &ServeArgs,
    settings: &Settings,
    warning: Option<&str>,
    wrap: impl FnOnce(W::Ports) -> P,
) -> Result<Outcome, Fault> {
    let own = session.key()?;
    let ports = wrap(session.open_with(own.key(), settings)?);
    let model = naming::model(&**ports.store(), &args.model).await?;
    let known = ports.store().peers().await.map_err(failed)?;
    let peers = named(&args.to, "--to", &known)?;
    check_offer_place(args, settings, &**ports.outputs())?;
    let (least, whole) = (least_piece(&model), model.geometry.byte_count());
    check_limit(args.bytes, least, &model.model_id, whole)?;
    let bound = app::serve::bind(&ports, model.artifact, settings.listen)
        .await
        .map_err(|error| Fault::blamed(&error))?;
    let now = ports.clock().now();
    let until = now.plus(args.span.0);
    let offer = match &args.offer {
        None => None,
        Some(path) => {
            let addresses = told(&settings.addresses, bound.address())?;
            let offer = app::serve::offer(&model, own.key(), addresses, now, until)
                .map_err(|error| Fault::blamed(&error))?;
            Some((path.as_path(), offer))
        }
    };
    let places = offer.as_ref().map(|(_, offer)| texts(offer.addresses()).join(", "));
    let told = offer.as_ref().zip(places.as_ref());
    let serving = Serving {
        manifest: &kept_manifest(&**ports.store(), &model).await?,
        listen: bound.address(),
        peers: &peers,
        known: &known,
        standing: &ports.journal().standing(now).await.map_err(|error| Fault::blamed(&error))?,
        now,
        offer: told.map(|((file, _), places)| Told { file, places }),
    };
    let limit = args.bytes.map(|Size(bytes)| bytes);
    let stop = format!(
        "press Ctrl-C, or `minimodel share stop {}`: it takes back what this yes grants",
        model.model_id
    );
    let mut question = Question::serve(&serving, limit, until, stop);
    question.facts.extend(warning.map(|what| ("warning", what.to_owned())));
    let yes = prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    let yes = if ends_older(session.terminal, &question, Earlier::of(args))? {
        question.ending_older(yes)
    } else {
        yes
    };
    own.keep(session.terminal)?;
    let ended = yes.instead_of().iter().map(ToString::to_string).collect();
    let now = ports.clock().now();
    let consent = prompt::write_down(session.terminal, yes, &**ports.journal(), now).await?;
    let mut teller = Progress::count("serve", session.terminal.paint());
    let ready =
        Ready { until_input_ends: args.until_input_ends, model: &model, offer, names: &known };
    let wished = session.terminal.wished();
    let served = serve(&ports, bound, consent, ready, wished, &mut teller).await;
    teller.finish();
    let served = served?;
    let stopped = format!("Stopped: {NO_GRANT}");
    session.terminal.say(match (served.ended, served.taken_back.as_slice()) {
        (Ended::NoGrant, _) => &stopped,
        (Ended::Stopped, []) => "Stopped.",
        (Ended::Stopped, _) => "Stopped. What your yes granted is taken back.",
    });
    Ok(outcome(&model, &served, ended))
}

/// The peers that may have it, which the option names.
///
/// # Errors
///
/// [`Fault`] if one is not paired, or blocked.
pub fn named(names: &[String], option: &str, known: &[KnownPeer]) -> Result<Vec<KnownPeer>, Fault> {
    let mut peers: Vec<KnownPeer> = Vec::new();
    for name in names {
        let peer = naming::peer(known, name)?;
        if peer.access == Access::Blocked {
            let what = format!("{} is blocked", peer.label);
            let advice = "Unblock it first with `minimodel peer unblock`, if you want that.";
            return Err(Fault::usage(option, what, advice));
        }
        if peers.iter().all(|other| other.id != peer.id) {
            peers.push(peer.clone());
        }
    }
    Ok(peers)
}

/// Refuses a limit under which no piece could be taken: the shortest has `least` bytes.
///
/// # Errors
///
/// [`Fault`] that names what may be typed.
pub fn check_limit(limit: Option<Size>, least: u64, model: &Id, whole: u64) -> Result<(), Fault> {
    match limit {
        Some(Size(bytes)) if bytes < least => {
            let what = format!("{bytes} bytes are fewer than any piece of {model}");
            let advice = format!(
                "Say at least --bytes {least}, which is one piece; the whole model has {whole} bytes."
            );
            Err(Fault::usage("--bytes", what, advice))
        }
        _ => Ok(()),
    }
}

/// Refuses an offer that could not be written or would say no address, before anything starts.
fn check_offer_place(
    args: &ServeArgs,
    settings: &Settings,
    outputs: &impl Outputs,
) -> Result<(), Fault> {
    let Some(path) = &args.offer else { return Ok(()) };
    outputs.check_file(path).map_err(|error| Fault::blamed(&error).at(Some("--offer")))?;
    let listen = settings.listen;
    if settings.addresses.is_empty() && listen.ip().is_unspecified() {
        let what = format!("{listen} is no address that peers could call");
        let guess = own_addresses(&[], listen.port().max(1));
        let example = guess.ok().and_then(|found| found.first().map(ToString::to_string));
        let example = example.unwrap_or_else(|| "mmp://192.168.1.20:9410".to_owned());
        let advice = format!("Say where peers call you, for example --address {example}");
        return Err(Fault::usage("--address", what, advice));
    }
    Ok(())
}

/// What the offer says to call.
fn told(addresses: &[String], listening: SocketAddr) -> Result<Vec<PeerAddress>, Fault> {
    if addresses.is_empty() {
        let own = PeerAddress::from_socket(listening.ip(), listening.port());
        return Ok(vec![own.map_err(|error| Fault::coded(&error))?]);
    }
    own_addresses(addresses, listening.port())
}

/// What becomes of earlier grants to serve the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// They end.
    End,
    /// Who sits there is asked.
    Ask,
    /// They stay.
    Leave,
}

impl Earlier {
    const fn of(args: &ServeArgs) -> Self {
        match (args.only, args.agreed.acts.is_empty()) {
            (true, _) => Self::End,
            (false, true) => Self::Ask,
            (false, false) => Self::Leave,
        }
    }
}

/// Whether the earlier grants end, if there are any.
///
/// # Errors
///
/// [`Fault`] if the answer cannot be read.
pub fn ends_older(
    terminal: &mut Terminal,
    question: &Question,
    earlier: Earlier,
) -> Result<bool, Fault> {
    if question.older.is_empty() {
        return Ok(false);
    }
    let ends = match earlier {
        Earlier::End => true,
        Earlier::Ask => prompt::yes(terminal, "End the earlier grants now? [y/N] ")?,
        Earlier::Leave => false,
    };
    terminal.say(match ends {
        true => "The earlier grants end with your yes.",
        false => "The earlier grants stay. `minimodel share stop` ends them all.",
    });
    Ok(ends)
}

async fn serve<P: Ports<Clock: Clone>>(
    ports: &P,
    bound: Bound<P>,
    consent: Consent,
    ready: Ready<'_>,
    wished: impl Future<Output = ()> + Send,
    teller: &mut Progress,
) -> Result<Served, Fault> {
    let until_input_ends = ready.until_input_ends;
    let mut trouble = None;
    let give_up = Arc::new(Notify::new());
    let mut callers = Callers::default();
    let on = |event: Event| match event {
        Event::Listening(address) => {
            if let Err(fault) = ready.tell(&**ports.outputs(), address, teller) {
                trouble = Some(fault);
                give_up.notify_one();
            }
        }
        Event::Callers(news) => {
            match &news {
                ServeNews::Called(peer) => teller.connected(*peer),
                ServeNews::Left(peer) => teller.lost(*peer),
                ServeNews::Sent { bytes, .. } => teller.advance(*bytes),
                _ => {}
            }
            if let Some(line) = callers.line(news, |peer| ready.name(peer)) {
                teller.say(&line);
            }
        }
        _ => {}
    };
    let stop = async {
        tokio::select! {
            () = stopped(wished, until_input_ends) => {}
            () = give_up.notified() => {}
        }
    };
    let served = app::serve::serve(ports, bound, consent, on, stop)
        .await
        .map_err(|error| Fault::blamed(&error));
    match trouble {
        Some(fault) => Err(fault),
        None => served,
    }
}

/// Waits for the wish that the program end; or for the end of standard input, if that counts.
async fn stopped(wished: impl Future<Output = ()>, until_input_ends: bool) {
    let input_ends = async {
        if until_input_ends {
            input_end().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = wished => {}
        () = input_ends => {}
    }
}

/// Waits for the end of standard input, on a thread that the program does not wait for.
pub async fn input_end() {
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
struct Ready<'a> {
    until_input_ends: bool,
    model: &'a Model,
    offer: Option<(&'a Path, Offer)>,
    names: &'a [KnownPeer],
}

impl Ready<'_> {
    fn tell(
        &self,
        outputs: &impl Outputs,
        address: SocketAddr,
        teller: &Progress,
    ) -> Result<(), Fault> {
        let mut note = String::new();
        if let Some((path, offer)) = &self.offer {
            session::write(outputs, path, offer.bytes())?;
            note = format!(", offer in {}", path.display());
        }
        teller.say(&format!(
            "serving {} {} on {address}{note}; Ctrl-C stops",
            self.model.model_id, self.model.model_version
        ));
        Ok(())
    }

    fn name(&self, peer: PeerId) -> String {
        let label = self.names.iter().find(|known| known.id == peer).map(|known| &known.label);
        label.map_or_else(|| short_peer(peer), ToString::to_string)
    }
}

/// Who took how much, as values.
pub fn taken(taken: &BTreeMap<PeerId, u64>) -> Vec<Value> {
    taken.iter().map(|(peer, bytes)| json!({"id": peer.to_string(), "bytes": bytes})).collect()
}

fn outcome(model: &Model, served: &Served, older_ended: Vec<String>) -> Outcome {
    let taken_back: Vec<String> = served.taken_back.iter().map(ToString::to_string).collect();
    let ended = match served.ended {
        Ended::Stopped => "stopped",
        Ended::NoGrant => "no-grant",
    };
    with_model(Outcome::new(), model)
        .with("peer", taken(&served.taken))
        .with("ended", ended)
        .with("older_ended", older_ended)
        .with("taken_back", taken_back)
}

#[cfg(test)]
mod tests {
    use app::question::{Older, Question};
    use clap::Parser as _;
    use verifier::scalars::Id;

    use super::{Earlier, ends_older};
    use crate::args::{Cli, Command, ServeArgs, ShareCommand};
    use crate::prompt::tests::{question, terminal};
    use crate::terminal::Asking;

    fn args(more: &str) -> ServeArgs {
        let line = format!("minimodel share serve tiny --to gina {more}");
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Share(ShareCommand::Serve(args)) = cli.command else { panic!("{line}") };
        args
    }

    #[test]
    fn earlier_grants_end_by_a_word_only() {
        let grant = Id::parse("g-older").unwrap();
        let older = vec![Older { grant, what: "fred may have it".to_owned() }];
        let with = Question { older, ..question() };
        for (more, answer, question, ends) in [
            ("", "y\n", &with, true),
            ("", "\n", &with, false),
            ("", "y\n", &question(), false),
            ("--only", "", &with, true),
            ("--consent serve", "y\n", &with, false),
            ("--consent serve --only", "", &with, true),
        ] {
            let mut terminal = terminal(answer, Asking::Possible);
            let earlier = Earlier::of(&args(more));
            let found = ends_older(&mut terminal, question, earlier).unwrap();
            assert_eq!(found, ends, "{more:?}, {answer:?}");
        }
    }
}
