//! The storage: how much room the library takes, may take, and what would go to make some.

mod message;
mod places;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::time::Duration;

use app::library::Budget;
use app::ports::{Evictable, Lowering};
use app::problem::Problem;
use app::quantity::{Limit, QuantityError, Size, Span};
use iced::Element;
use iced::advanced::widget::Id;
use tokio::sync::oneshot;
use verifier::Code;

use super::{Changed, Errand, Place, Run};
use crate::context::Context;
use crate::widget::list::Scroll;

pub use message::{Found, Message, ModelQuota, Progress, Seen, Stop, Taken, Trouble, Work};

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// The list of what each model takes, for scrolling.
const LIST: &str = "storage-list";
/// The longest that is read again at a time: 30 days.
const MOST_SECONDS: u64 = 30 * 86_400;

/// The screen's state.
#[derive(Debug, Default)]
pub struct Storage {
    /// The number of the newest look; an older one is not shown any more.
    asked: u64,
    seen: Option<Arc<Seen>>,
    trouble: Option<Problem>,
    quota: Quota,
    room: Room,
    budget: Typed,
    check: Check,
    scroll: Scroll,
    selected: Option<usize>,
}

/// The field for the quota.
#[derive(Debug, Default)]
struct Quota {
    /// The newest setting.
    run: Run,
    typed: String,
    state: Setting,
}

#[derive(Debug, Default)]
enum Setting {
    #[default]
    Idle,
    Busy,
    /// So many bytes would have this go.
    Asking(u64, Lowering),
    Failed(Problem),
}

/// The field for a size that is to fit, and what would go for it.
#[derive(Debug, Default)]
struct Room {
    typed: String,
    /// The number of the newest question.
    asked: u64,
    answer: Answer,
}

#[derive(Debug, Default)]
enum Answer {
    #[default]
    None,
    Looking,
    Known(Size, Vec<Evictable>),
    Failed(Problem),
}

/// The fields for how long and how fast is read again.
#[derive(Debug, Default)]
struct Typed {
    time: String,
    rate: String,
}

impl Typed {
    /// What is typed; nothing is no limit.
    fn budget(&self) -> Result<Budget, QuantityError> {
        let time = match self.time.trim() {
            "" => None,
            typed => Some(Duration::from_secs(Span::at_most(typed, MOST_SECONDS)?.0)),
        };
        let Limit(rate) = self.rate.parse()?;
        Ok(Budget { time, rate: (rate > 0).then_some(rate) })
    }
}

/// Whether everything is being read again.
#[derive(Debug, Default)]
enum Check {
    #[default]
    Idle,
    /// Dropping the sender ends it.
    Running(Arc<Progress>, #[expect(dead_code, reason = "dropped to stop")] oneshot::Sender<()>),
    /// It was told to stop, and ends within one piece.
    Stopping(Arc<Progress>),
    Ended(Arc<Found>),
    Failed(Problem),
}

impl Storage {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        self.asked += 1;
        Action::work(Work::Look(self.asked))
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Looked(number, outcome) if number >= self.asked => match outcome {
                Ok(seen) => {
                    self.seen = Some(seen);
                    self.trouble = None;
                }
                Err(problem) => self.trouble = Some(problem),
            },
            Message::Looked(..) => {}
            Message::Dismiss => self.trouble = None,
            Message::TypeQuota(typed) => {
                self.quota = Quota { typed, ..Quota::default() };
            }
            Message::SetQuota => return self.set_quota(),
            Message::QuotaSet(run, outcome) => return self.quota_set(&run, outcome),
            Message::QuotaOver(run, bytes, lowering) => {
                if run == self.quota.run {
                    self.quota.state = Setting::Asking(bytes, lowering);
                }
            }
            Message::Lower => {
                if let Setting::Asking(bytes, lowering) = std::mem::take(&mut self.quota.state) {
                    let agreed = lowering.goes.iter().map(|model| model.artifact).collect();
                    self.quota.state = Setting::Busy;
                    return Action::work(Work::Lower(self.quota.run.clone(), bytes, agreed));
                }
            }
            Message::LeaveQuota => self.quota = Quota::default(),
            Message::TypeRoom(typed) => {
                self.room.typed = typed;
                self.room.asked += 1;
                self.room.answer = Answer::None;
            }
            Message::AskForRoom => return self.ask_for_room(),
            Message::WouldGo(number, size, outcome) if number == self.room.asked => {
                self.room.answer = match outcome {
                    Ok(evictable) => Answer::Known(size, evictable),
                    Err(problem) => Answer::Failed(problem),
                };
            }
            Message::WouldGo(..) => {}
            Message::TypeTime(typed) => self.budget.time = typed,
            Message::TypeRate(typed) => self.budget.rate = typed,
            Message::Check => {
                if !matches!(self.check, Check::Running(..) | Check::Stopping(_)) {
                    match self.budget.budget() {
                        Ok(budget) => {
                            let (end, stop) = oneshot::channel();
                            self.check = Check::Running(Arc::default(), end);
                            return Action::work(Work::Check(budget, stop));
                        }
                        Err(error) => {
                            let advice = "Type a time such as 10m, and a size such as 50MiB; or \
                                          nothing, for no limit.";
                            let code = Code::new("usage", "arguments");
                            let problem = Problem::new(code, error.to_string(), advice);
                            self.check = Check::Failed(problem);
                        }
                    }
                }
            }
            Message::Checking(progress) => {
                if let Check::Running(shown, _) | Check::Stopping(shown) = &mut self.check {
                    *shown = progress;
                }
            }
            Message::Checked(outcome) => {
                self.check = match outcome {
                    Ok(found) => Check::Ended(found),
                    Err(problem) => Check::Failed(problem),
                };
                return Action::errand(Errand::Changed(Changed::Library));
            }
            Message::StopChecking => {
                let check = std::mem::take(&mut self.check);
                self.check = match check {
                    Check::Running(progress, _) => Check::Stopping(progress),
                    other => other,
                };
            }
            Message::CloseCheck => self.check = Check::Idle,
            Message::Library => return Action::errand(Errand::Go(Place::Library)),
            Message::Scrolled(scroll) => self.scroll = scroll,
            Message::Move(place, line) => {
                self.selected = Some(place);
                if let Some(offset) = self.scroll.to(place, line) {
                    return Action::errand(Errand::Scroll(Id::new(LIST), offset));
                }
            }
        }
        Action::none()
    }

    fn set_quota(&mut self) -> Action {
        match self.quota.typed.parse::<Size>() {
            Ok(size) => {
                self.quota.state = Setting::Busy;
                self.quota.run = Run::default();
                Action::work(Work::SetQuota(self.quota.run.clone(), size.0))
            }
            Err(error) => {
                self.quota.state = Setting::Failed(unread(&error));
                Action::none()
            }
        }
    }

    fn quota_set(&mut self, run: &Run, outcome: Result<u64, Problem>) -> Action {
        match outcome {
            Ok(bytes) => {
                // What is typed by now is about another quota.
                if *run == self.quota.run {
                    self.quota = Quota::default();
                }
                self.room.answer = Answer::None;
                let told = format!("The library may take {} now.", Size(bytes));
                Action::errand(Errand::Tell(told)).and(Errand::Changed(Changed::Library))
            }
            Err(problem) if *run != self.quota.run => Action::errand(Errand::Tell(problem.what)),
            Err(problem) => {
                self.quota.state = Setting::Failed(problem);
                Action::none()
            }
        }
    }

    fn ask_for_room(&mut self) -> Action {
        match self.room.typed.parse::<Size>() {
            Ok(size) => {
                self.room.asked += 1;
                self.room.answer = Answer::Looking;
                Action::work(Work::WouldGo(self.room.asked, size))
            }
            Err(error) => {
                self.room.answer = Answer::Failed(unread(&error));
                Action::none()
            }
        }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        view::page(self, cx)
    }
}

/// What to do about a size that cannot be read.
fn unread(error: &QuantityError) -> Problem {
    let advice = "Type a number and a unit, such as 4GiB, 500MiB or 1TB.";
    Problem::new(Code::new("usage", "arguments"), error.to_string(), advice)
}
