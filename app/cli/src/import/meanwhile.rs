//! What is imported, served to others meanwhile.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use app::import::{Plan, Serving};
use app::ports::{Clock as _, Journal as _, PieceStore as _, Ports};
use app::problem::Problem;
use app::quantity::{Size, Span};
use app::question::{self, Question, Yes};
use app::serve::{Bound, ServeError, Served, bind_import};
use verifier::consent::Act;
use verifier::identity::PeerId;
use verifier::scalars::UtcTime;

use crate::args::MeanwhileArgs;
use crate::fault::Fault;
use crate::library::failed;
use crate::prompt;
use crate::serve::{Earlier, check_limit, ends_older, input_end, named};
use crate::terminal::Terminal;

/// The warning that what was imported could not be served to the end.
const NOT_SERVED: &str = "not-served";

/// An address that is taken, and the question whether peers may have what comes.
pub(super) struct Meanwhile<P: Ports> {
    bound: Bound<P>,
    question: Question,
    stay: Option<Span>,
    until_input_ends: bool,
}

impl<P: Ports<Clock: Clone>> Meanwhile<P> {
    /// Tries what can fail, if somebody is to be served.
    ///
    /// # Errors
    ///
    /// [`Fault`] if serving could not begin.
    pub(super) async fn prepare(
        ports: &P,
        plan: &Plan,
        args: &MeanwhileArgs,
        until: UtcTime,
    ) -> Result<Option<Self>, Fault> {
        if args.serve_to.is_empty() {
            return Ok(None);
        }
        let known = ports.store().peers().await.map_err(failed)?;
        let peers = named(&args.serve_to, "--serve-to", &known)?;
        let (manifest, geometry) = (plan.manifest(), plan.geometry());
        let last = geometry.index(geometry.piece_count().saturating_sub(1));
        let least = last.map_or(0, |last| u64::from(geometry.length(last)));
        check_limit(args.bytes, least, manifest.model_id(), geometry.byte_count())?;
        let listen = args.listen.unwrap_or_else(|| app::settings::Settings::default().listen);
        let bound =
            bind_import(ports, plan, listen).await.map_err(|error| Fault::blamed(&error))?;
        let now = ports.clock().now();
        let serving = question::Serving {
            manifest,
            listen: bound.address(),
            peers: &peers,
            known: &known,
            standing: &ports
                .journal()
                .standing(now)
                .await
                .map_err(|error| Fault::blamed(&error))?,
            now,
            offer: None,
        };
        let end = match args.stay {
            None => "it ends with the import".to_owned(),
            Some(span) => format!("it ends {span} after the import"),
        };
        let model = manifest.model_id();
        let stop = format!("press Ctrl-C, or `minimodel share stop {model}`; {end}");
        let limit = args.bytes.map(|Size(bytes)| bytes);
        let mut question = Question::serve(&serving, limit, until, stop);
        question.facts.push(("what", "the pieces that have come by then".to_owned()));
        let (stay, until_input_ends) = (args.stay, args.until_input_ends);
        Ok(Some(Self { bound, question, stay, until_input_ends }))
    }

    /// Asks whether the peers may have it.
    ///
    /// # Errors
    ///
    /// `consent.denied` if they may not.
    pub(super) fn ask(&self, terminal: &mut Terminal, given: &[Act]) -> Result<Yes, Fault> {
        let yes = prompt::consent(terminal, given, &self.question)?;
        let earlier = if given.is_empty() { Earlier::Ask } else { Earlier::Leave };
        let ends = ends_older(terminal, &self.question, earlier)?;
        Ok(if ends { self.question.ending_older(yes) } else { yes })
    }

    /// What the use case takes.
    pub(super) fn serving(self) -> Serving<P, impl Future<Output = ()> + Send> {
        let Self { bound, stay, until_input_ends, .. } = self;
        let stay = async move {
            let after = stay.map(|Span(seconds)| Duration::from_secs(seconds));
            match (after, until_input_ends) {
                (None, false) => {}
                (None, true) => input_end().await,
                (Some(after), false) => tokio::time::sleep(after).await,
                (Some(after), true) => {
                    // Either ends it.
                    let _late = tokio::time::timeout(after, input_end()).await;
                }
            }
        };
        Serving { bound, stay }
    }
}

/// Says who took how much; gives that, and the warning if it could not be served to the end.
pub(super) fn tell(
    terminal: &mut Terminal,
    served: Result<Served, ServeError>,
    names: &BTreeMap<PeerId, String>,
) -> (BTreeMap<PeerId, u64>, Option<String>) {
    match served {
        Ok(served) => {
            for (peer, bytes) in &served.taken {
                let name = names.get(peer).map_or("a peer", String::as_str);
                terminal.say(&format!("  {name:<16} took {}", Size(*bytes)));
            }
            (served.taken, None)
        }
        Err(error) => {
            terminal.warn(&Problem::blamed(&error));
            (BTreeMap::new(), Some(NOT_SERVED.to_owned()))
        }
    }
}
