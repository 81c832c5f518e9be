//! The card on which a person says yes: a box for each act, none ticked, and a button that names
//! what will happen.

use app::question::{Question, Yes, meaning};
use iced::widget::{Column, column, row, text};
use iced::{Element, Fill, Theme};
use verifier::consent::Act;

use super::control::Kind;
use super::page;
use crate::context::Context;
use crate::theme::{Space, style};

/// A question that waits for a person's answer.
#[derive(Debug, Clone)]
pub struct Card {
    question: Question,
    ticked: Vec<Act>,
    ends_older: bool,
}

/// What a person does to the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Ticks a box, or takes the tick away.
    Tick(Act),
    /// Ticks the box by which earlier grants end, or takes the tick away.
    TickOlder,
    /// Presses the button that says yes.
    Agree,
    /// Presses the button that says no.
    Decline,
}

/// What comes of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Waiting,
    /// A yes to what is ticked.
    Yes(Yes),
    /// No.
    No,
}

impl Card {
    /// A card with nothing ticked.
    pub const fn new(question: Question) -> Self {
        Self { question, ticked: Vec::new(), ends_older: false }
    }

    /// The question.
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Whether every act is ticked without which nothing happens.
    fn is_ready(&self) -> bool {
        self.question.agree(&self.ticked).is_ok()
    }

    /// Hears what a person does. A yes comes only of [`Message::Agree`], and only when every
    /// required box is ticked.
    pub fn update(&mut self, message: Message) -> Answer {
        match message {
            Message::Tick(act) => {
                match self.ticked.iter().position(|ticked| *ticked == act) {
                    Some(place) => {
                        self.ticked.remove(place);
                    }
                    None if self.question.acts().any(|asked| asked == act) => self.ticked.push(act),
                    None => {}
                }
                Answer::Waiting
            }
            Message::TickOlder => {
                self.ends_older = !self.ends_older && !self.question.older.is_empty();
                Answer::Waiting
            }
            Message::Agree => match self.question.agree(&self.ticked) {
                Ok(yes) if self.ends_older => Answer::Yes(self.question.ending_older(yes)),
                Ok(yes) => Answer::Yes(yes),
                Err(_) => Answer::Waiting,
            },
            Message::Decline => Answer::No,
        }
    }

    /// The card; `yes` is on the button and names the act and the peers, and `more` are facts that
    /// the question does not have.
    pub fn view<'a>(
        &'a self,
        cx: &Context<'_>,
        yes: String,
        more: Vec<(String, String)>,
    ) -> Element<'a, Message> {
        let question = &self.question;
        let fact = |name: &str, value: String| (name.to_owned(), page::printable(&value));
        let mut facts = vec![fact("Bytes", question.bytes.clone())];
        facts.extend(more);
        for (place, peer) in question.peers.iter().enumerate() {
            facts.push(fact(if place == 0 { "Peers" } else { "" }, peer.clone()));
        }
        if !question.peers.is_empty() {
            facts.push(fact("They see", "your IP address".to_owned()));
        }
        for (place, older) in question.older.iter().enumerate() {
            facts.push(fact(if place == 0 { "Also" } else { "" }, older.what.clone()));
        }
        for (word, what) in &question.facts {
            facts.push(fact(&page::capital(word), what.clone()));
        }
        facts.push(fact("Licence", question.license.clone()));
        facts.push(fact("Model card", question.card.clone()));
        facts.push(fact("Until", question.until.to_string()));
        facts.push(fact("To stop", question.stop.clone()));

        let boxes = question.acts().map(|act| {
            let optional = if question.optional.contains(&act) { " (may be left out)" } else { "" };
            let label = format!("{}{optional}", meaning(act));
            page::check(cx, label, self.ticked.contains(&act), Message::Tick(act))
                .width(Fill)
                .into()
        });
        let mut boxes = Column::with_children(boxes).spacing(cx.space(Space::Hair));
        if !question.older.is_empty() {
            let label = "End what I granted of this before (may be left out)".to_owned();
            let older = page::check(cx, label, self.ends_older, Message::TickOlder);
            boxes = boxes.push(older.width(Fill));
        }
        let ready = self.is_ready().then_some(Message::Agree);
        let buttons = row![
            page::button(cx, yes, Kind::Primary).on_press_maybe(ready),
            page::button(cx, "No", Kind::Plain).on_press(Message::Decline)
        ]
        .spacing(cx.space(Space::Narrow));
        let strong = |theme: &Theme| text::Style { color: Some(theme.palette().primary) };
        let parts = column![
            page::heading(cx, page::printable(&question.what)).style(strong),
            page::facts(cx, facts),
            page::separator(),
            page::muted(cx, "You say yes to what you tick. Nothing happens before."),
            boxes,
            buttons
        ]
        .spacing(cx.space(Space::Normal));
        page::note(cx, parts, style::noted).into()
    }
}

#[cfg(test)]
mod tests {
    use app::ports::Terms;
    use app::question::{Older, Question};
    use verifier::Sha256;
    use verifier::consent::{Act, Scope};
    use verifier::scalars::{Id, UtcTime};

    use super::{Answer, Card, Message};

    fn question() -> Question {
        let artifact = Sha256::of(b"tiny");
        let until = UtcTime::from_unix(1_795_348_800);
        let terms = [Act::Fetch, Act::Import, Act::Cache].map(|act| Terms {
            act,
            model_id: Id::parse("tiny").unwrap(),
            artifact,
            scope: Scope::None,
            byte_limit: 1,
            expires: until,
        });
        Question {
            what: "Import tiny 1.0 (20 KiB) into /models".to_owned(),
            artifact,
            required: vec![Act::Fetch, Act::Import],
            optional: vec![Act::Cache],
            bytes: "20 KiB".to_owned(),
            peers: vec!["anna".to_owned()],
            license: "/license.md".to_owned(),
            card: "/card.md".to_owned(),
            facts: Vec::new(),
            older: Vec::new(),
            replaced: Vec::new(),
            until,
            stop: "press Cancel".to_owned(),
            terms: terms.to_vec(),
        }
    }

    fn acts(answer: Answer) -> Vec<Act> {
        let Answer::Yes(yes) = answer else { panic!("{answer:?}") };
        yes.terms().iter().map(|terms| terms.act).collect()
    }

    #[test]
    fn nothing_is_ticked_and_agreeing_alone_is_no_yes() {
        let mut card = Card::new(question());
        assert_eq!(card.update(Message::Agree), Answer::Waiting);
        card.update(Message::Tick(Act::Fetch));
        card.update(Message::Tick(Act::Serve));
        assert_eq!(card.update(Message::Agree), Answer::Waiting);
        card.update(Message::Tick(Act::Import));
        assert_eq!(acts(card.update(Message::Agree)), [Act::Fetch, Act::Import]);
        card.update(Message::Tick(Act::Cache));
        assert_eq!(acts(card.update(Message::Agree)), [Act::Fetch, Act::Import, Act::Cache]);
        card.update(Message::Tick(Act::Fetch));
        assert_eq!(card.update(Message::Agree), Answer::Waiting);
        assert_eq!(card.update(Message::Decline), Answer::No);
    }

    #[test]
    fn earlier_grants_end_only_by_a_tick_of_their_own() {
        let grant = Id::parse("g-older").unwrap();
        let older = Older { grant: grant.clone(), what: "fred may have it".to_owned() };
        let mut card = Card::new(Question { older: vec![older], ..question() });
        card.update(Message::Tick(Act::Fetch));
        let mut ended = |message| {
            card.update(message);
            let Answer::Yes(yes) = card.update(Message::Agree) else { panic!("no yes") };
            yes.instead_of().to_vec()
        };
        assert_eq!(ended(Message::Tick(Act::Import)), []);
        assert_eq!(ended(Message::TickOlder), [grant]);
        assert_eq!(ended(Message::TickOlder), []);
        let mut card = Card::new(question());
        card.update(Message::TickOlder);
        assert!(!card.ends_older);
    }
}
