//! Repairing a model: the question, the work, and what came of it.

use verifier::Sha256;
use verifier::identity::PeerId;

use super::doing::{Doing, Way, What};
use super::message::{News, Work};
use super::repair::{Asking, Looked, Message, Outlook, Start};
use super::{Action, Library};
use crate::screen::{Changed, Errand};
use crate::widget::consent::{self, Answer, Card};

impl Library {
    pub(super) fn repair(&mut self, message: Message) -> Action {
        match message {
            Message::Ask(artifact) if !self.doing.is_working() => {
                self.look_what_is_bad(artifact, Vec::new())
            }
            Message::Ask(_) => Action::none(),
            Message::Choose => {
                if let Doing::Failed(artifact, _, Way::Others) = self.doing {
                    self.doing = Doing::Choosing(artifact, Vec::new());
                }
                Action::none()
            }
            Message::Tick(peer) => {
                if let Doing::Choosing(_, ticked) = &mut self.doing {
                    match ticked.iter().position(|known| *known == peer) {
                        Some(place) => drop(ticked.remove(place)),
                        None => ticked.push(peer),
                    }
                }
                Action::none()
            }
            Message::AskThese => match &self.doing {
                Doing::Choosing(artifact, ticked) if !ticked.is_empty() => {
                    let (artifact, ticked) = (*artifact, ticked.clone());
                    self.look_what_is_bad(artifact, ticked)
                }
                _ => Action::none(),
            },
            Message::Card(message) => self.answer(message),
        }
    }

    fn look_what_is_bad(&mut self, artifact: Sha256, whom: Vec<PeerId>) -> Action {
        let (run, stop) = self.begin(artifact, What::Examining);
        Action::work(Work::LookWhatIsBad { run, artifact, whom, stop })
    }

    fn answer(&mut self, message: consent::Message) -> Action {
        let Doing::Agreeing(artifact, asking) = &mut self.doing else { return Action::none() };
        let artifact = *artifact;
        match asking.card.update(message) {
            Answer::Waiting => Action::none(),
            Answer::No => {
                self.doing = Doing::Nothing;
                let line = "You said no. Nothing was asked of anybody.".to_owned();
                Action::errand(Errand::Tell(line))
            }
            Answer::Yes(yes) => {
                let plan = asking.plan.clone();
                let (run, stop) = self.begin(artifact, What::Repairing);
                let start = Box::new(Start { plan, yes });
                Action::work(Work::Repair { run, start, stop })
                    .and(Errand::Changed(Changed::Activity))
            }
        }
    }

    pub(super) fn hear_of_repair(&mut self, news: News) -> Action {
        let changed = Action::errand(Errand::Changed(Changed::Library));
        match news {
            News::LookedWhatIsBad(run, outcome) => {
                let Some(working) = self.working(run) else { return Action::none() };
                let artifact = working.artifact;
                match outcome {
                    Ok(Looked::Needed(outlook)) => {
                        let Outlook { plan, question } = *outlook;
                        let asking = Asking { plan, card: Card::new(question) };
                        self.doing = Doing::Agreeing(artifact, Box::new(asking));
                    }
                    Ok(Looked::Sound(checked)) => self.doing = Doing::Checked(artifact, checked),
                    Ok(Looked::Gone) => self.doing = Doing::Nothing,
                    Err(problem) => self.fail(artifact, problem, Way::Others),
                }
                changed
            }
            News::Repairing(run, part, said) => {
                if let Some(working) = self.working(run) {
                    (working.part, working.said) = (Some(part), said);
                }
                Action::none()
            }
            News::Repaired(run, outcome) => {
                let Some(working) = self.working(run) else { return Action::none() };
                let artifact = working.artifact;
                match outcome {
                    Ok(mended) => self.doing = Doing::Mended(artifact, mended),
                    Err(problem) => self.fail(artifact, problem, Way::Others),
                }
                changed.and(Errand::Changed(Changed::Activity))
            }
            _ => Action::none(),
        }
    }
}
