//! The work of the screen `import`.

mod run;

use std::path::PathBuf;
use std::sync::Arc;

use app::import::{ImportError, Plan, room};
use app::pairing::{self, Pairing};
use app::ports::{Clock as _, PieceStore as _, Ports};
use app::problem::Problem;
use app::question::Question;
use app::request::{self, Document, Gathered};
use app::settings::Settings;
use iced::Task;
use verifier::request::TicketFormat;

use super::{blocking, imports, perform, reveal, store_failed};
use crate::screen::import::{Gather, Id, Job, Message, Outlook, Pair, Planned, Refused, Run, Work};
use crate::wiring::Opened;

/// How long a yes to an import holds, in seconds.
const YES_HOLDS: u64 = 86_400;
/// The most tickets that are read at a time.
const MOST_TICKETS: usize = 64;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    settings: &Settings,
    work: Work,
) -> Task<Message> {
    let Work { id, job } = work;
    let opened = Arc::clone(opened);
    match job {
        Job::Folder(number) => {
            let set = settings.imports.clone();
            let found = blocking(move || Ok(imports(set)));
            perform(found, move |found| Message::Folder(number, found.ok().flatten()))
        }
        Job::Choose => perform(choose(), gather(id, Gather::Chosen)),
        Job::ChooseFolder => perform(choose_folder(), gather(id, Gather::FolderChosen)),
        Job::Read(path) => {
            let read = blocking(move || Document::read(&at_home(path)));
            perform(read, gather(id, Gather::Read))
        }
        Job::Plan { number, gathered, folder } => {
            let planned = plan(opened, *gathered, folder);
            perform(planned, gather(id, move |planned| Gather::Planned(number, planned)))
        }
        Job::Ticket(run, text) => {
            let read = blocking(move || Ok(tickets(&opened, &text)));
            perform(
                read,
                gather(id, move |read: Result<_, Problem>| {
                    let found = read.unwrap_or_else(|problem| vec![Err(problem)]);
                    Gather::Pair(Pair::Found(run.clone(), found))
                }),
            )
        }
        Job::Pair(pairing) => {
            let peer = pairing.peer();
            let paired = async move {
                let kept = pairing::pair(&opened.ports, *pairing).await;
                kept.map(|_| ()).map_err(|error| Problem::blamed(&error))
            };
            perform(paired, gather(id, move |kept| Gather::Pair(Pair::Paired(peer, kept))))
        }
        Job::Start(start) => {
            run::start(opened, settings.sign_receipts, *start).map(move |it| Message::Run(id, it))
        }
        Job::Reveal(path) => {
            perform(reveal(path), move |shown| Message::Run(id, Run::Revealed(shown)))
        }
    }
}

/// Tells the import of that number.
fn gather<T>(
    id: Id,
    tell: impl Fn(T) -> Gather + Send + 'static,
) -> impl Fn(T) -> Message + Send + 'static {
    move |outcome| Message::Gather(id, tell(outcome))
}

/// A path that people write with `~` for their home folder.
fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), directories::UserDirs::new()) {
        (Ok(rest), Some(dirs)) => dirs.home_dir().join(rest),
        _ => path,
    }
}

async fn choose() -> Vec<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().set_title("A request, manifest or offers");
    let chosen = dialog.pick_files().await.unwrap_or_default();
    chosen.into_iter().map(|file| file.path().to_owned()).collect()
}

async fn choose_folder() -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().set_title("Where the model goes");
    dialog.pick_folder().await.map(|folder| folder.path().to_owned())
}

/// Reads each ticket of a text; they may stand one after the other without a gap.
fn tickets<P: Ports>(opened: &Opened<P>, text: &str) -> Vec<Result<Box<Pairing>, Problem>> {
    let prefix = TicketFormat::V0.prefix;
    let (own, now) = (opened.key.public_key(), opened.ports.clock().now());
    let read = |text: &str| {
        let pairing = Pairing::read(text, &own, None, now);
        pairing.map(Box::new).map_err(|error| Problem::blamed(&error))
    };
    let (before, rest) = text.split_at(text.find(prefix).unwrap_or(0));
    if !before.trim().is_empty() || !rest.starts_with(prefix) {
        return vec![read(text)];
    }
    let parts = rest.split(prefix).skip(1).take(MOST_TICKETS);
    parts.map(|part| read(&format!("{prefix}{part}"))).collect()
}

async fn plan<P: Ports>(opened: Arc<Opened<P>>, gathered: Gathered, folder: PathBuf) -> Planned {
    let refused = |problem| Box::new(Refused { problem, strangers: Vec::new() });
    let now = opened.ports.clock().now();
    let read = blocking(move || {
        let name = request::name(random()?).map_err(|error| Problem::machine("no name", &error))?;
        gathered.request(name, now)
    });
    let request = read.await.map_err(refused)?;
    let known = opened.ports.store().peers().await.map_err(|error| refused(store_failed(error)))?;
    let strangers: Vec<_> = request
        .usable()
        .iter()
        .map(|offer| offer.peer_id())
        .filter(|peer| known.iter().all(|known| known.id != *peer))
        .collect();
    let unplanned = |error: ImportError| {
        let mut problem = Problem::blamed(&error);
        if matches!(error, ImportError::NoPairedPeer) {
            problem.advice = "Pair with one of them first, then look again.".to_owned();
            return Box::new(Refused { problem, strangers: strangers.clone() });
        }
        if matches!(error, ImportError::AllBlocked(_)) {
            problem.advice = "Unblock one of them under Peers, then look again.".to_owned();
        }
        if matches!(error, ImportError::AllBanned(..)) {
            problem.advice.push_str(" Bans are lifted under Peers.");
        }
        refused(problem)
    };
    let plan = Plan::new(&opened.ports, request, at_home(folder)).await.map_err(&unplanned)?;
    let room = room::look(&opened.ports, &plan, room::ways(&[])).await.map_err(&unplanned)?;
    let stop = "press Cancel, or take the yes back under Activity; it ends with the import";
    let question = Question::import(&plan, now.plus(YES_HOLDS), stop).giving_up(&room.evicted);
    Ok(Box::new(Outlook { plan, question, room }))
}

fn random() -> Result<u64, Problem> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::machine("the system gives no random number", &error))?;
    Ok(u64::from_be_bytes(bytes))
}
