//! The work of the screen `bench`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use app::bench::{self, BenchError, Event, Plan, Report};
use app::ports::{Outputs as _, Ports};
use app::problem::Problem;
use app::settings::Settings;
use futures::{Stream, StreamExt as _, stream};
use iced::Task;
use tokio::sync::mpsc;

use super::{blocking, perform};
use crate::screen::bench::{
    Ended, FileMessage, FilePurpose as Purpose, Message, News, Wanted, Work,
};
use crate::wiring::Opened;

/// News that may wait to be heard.
const WAITING: usize = 16;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    _settings: &Settings,
    work: Work,
) -> Task<Message> {
    match work {
        Work::Measure { number, plan, wanted } => {
            Task::run(measure(plan, wanted), move |news| Message::News(number, news))
        }
        Work::Save(path, report) => {
            let outputs = Arc::clone(opened.ports.outputs());
            let save = move || match outputs.write(&path, &report.write()) {
                Ok(()) => Ok(path),
                Err(error) => Err(Problem::blamed(&error)),
            };
            perform(blocking(save), |saved| Message::Files(FileMessage::Saved(saved)))
        }
        Work::Read(path) => {
            let named = path.clone();
            let read = blocking(move || Report::open(&named).map(Arc::new));
            perform(read, move |read| Message::Files(FileMessage::Read(path.clone(), read)))
        }
        Work::Choose(purpose) => {
            perform(choose(purpose), move |path| Message::Files(FileMessage::Chosen(purpose, path)))
        }
    }
}

/// Runs the plan on threads of its own for as long as it is wanted, telling how it goes.
///
/// That samples were taken is told when somebody listens; everything else is told whatever it
/// waits for.
pub(crate) fn measure(plan: Plan, wanted: Wanted) -> impl Stream<Item = News> + Send {
    stream::once(async move {
        let (news, heard) = mpsc::channel(WAITING);
        let work = tokio::task::spawn_blocking(move || run(&plan, &wanted, &news));
        stream::unfold(Some((heard, work)), async |state| {
            let (mut heard, work) = state?;
            match heard.recv().await {
                Some(news) => Some((news, Some((heard, work)))),
                None => Some((News::Ended(work.await.unwrap_or_else(broken)), None)),
            }
        })
    })
    .flatten()
}

fn broken(join: tokio::task::JoinError) -> Ended {
    Ended::Failed(Problem::machine("the benchmark ended early", &join))
}

fn run(plan: &Plan, wanted: &Wanted, news: &mpsc::Sender<News>) -> Ended {
    let mut sampled = 0;
    let report = bench::run(plan, |event| {
        let heard = match event {
            Event::Begun { work, place, of } => {
                sampled = 0;
                news.blocking_send(News::Begun { work, place, of }).is_ok()
            }
            Event::Sampled => {
                sampled += 1;
                // Whoever has not listened meanwhile hears the next one.
                !matches!(
                    news.try_send(News::Sampled(sampled)),
                    Err(mpsc::error::TrySendError::Closed(_))
                )
            }
            Event::Measured(row) => news.blocking_send(News::Measured(row.clone())).is_ok(),
        };
        if heard && wanted.is_so() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match report {
        Ok(report) => Ended::Done(Arc::new(report)),
        Err(BenchError::Stopped) => Ended::Stopped,
        Err(error) => Ended::Failed(Problem::blamed(&error)),
    }
}

/// Lets the user look for a file in the desktop's own window; none where there is no such window.
async fn choose(purpose: Purpose) -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().add_filter("Saved figures", &["json"]);
    let file = match purpose {
        Purpose::Save => {
            dialog.set_title("Save figures").set_file_name("bench.json").save_file().await
        }
        Purpose::Compare => dialog.set_title("Compare with figures").pick_file().await,
    };
    file.map(|file| file.path().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use app::bench::{Plan, Work};
    use futures::StreamExt as _;

    use super::measure;
    use crate::screen::bench::{Ended, Going, News};

    const SMALL: Plan =
        Plan { bytes: 1 << 20, chunks: 64, samples: 3, cores: 1, warm_up: Duration::ZERO };

    #[tokio::test]
    async fn a_run_tells_each_row_and_ends_with_all_of_them() {
        let (_going, wanted) = Going::new();
        let news: Vec<News> = measure(SMALL, wanted).collect().await;
        let works = Work::all(&SMALL);
        let rows = news.iter().filter(|news| matches!(news, News::Measured(_))).count();
        assert_eq!(rows, works.len());
        let Some(News::Ended(Ended::Done(report))) = news.last() else { panic!("{news:?}") };
        assert_eq!(report.rows.len(), works.len());
    }

    #[tokio::test]
    async fn a_run_that_nobody_wants_any_more_stops() {
        let (going, wanted) = Going::new();
        let mut news = Box::pin(measure(SMALL, wanted));
        assert!(matches!(news.next().await, Some(News::Begun { place: 0, .. })));
        drop(going);
        let rest: Vec<News> = news.collect().await;
        assert!(matches!(rest.last(), Some(News::Ended(Ended::Stopped))), "{rest:?}");
        assert!(rest.len() < Work::all(&SMALL).len(), "{rest:?}");
    }
}
