//! What is set for this installation, for the command and the window alike.

use app::problem::Problem;
use app::settings::{Setting, Settings};
use serde_json::{Map, Value};

use crate::args::{SettingsArgs, SettingsCommand};
use crate::fault::Fault;
use crate::outcome::{Outcome, printable};
use crate::session::Session;
use crate::wiring::Wiring;

/// `settings …`.
///
/// # Errors
///
/// [`Fault`] if a value cannot be, or the disk fails; then nothing is changed.
pub fn run<W: Wiring>(session: &mut Session<'_, W>, args: &SettingsArgs) -> Result<Outcome, Fault> {
    let data = session.data()?;
    let settings = session.wiring.settings(&data)?;
    let is_new = !data.exists();
    let outcome = match &args.command {
        None => {
            let shown = show(session, &settings);
            session.say_if_new()?;
            return Ok(shown);
        }
        Some(SettingsCommand::Set { name, value }) => {
            let new = settings.with(*name, value).map_err(|error| {
                let advice = format!("It takes {}.", name.takes());
                Fault::from(Problem { advice, ..Problem::coded(&error) })
            })?;
            let new = session.wiring.change_settings(&data, |now| now.taking(*name, &new))?;
            changed(session, *name, &new)
        }
        Some(SettingsCommand::Reset { name }) => {
            let new = session.wiring.change_settings(&data, |now| now.as_made(*name))?;
            changed(session, *name, &new)
        }
    };
    if is_new {
        let line = format!("{} is new: it holds what is set, and nothing else.", data.display());
        session.terminal.say(&line);
    }
    Ok(outcome)
}

fn show<W: Wiring>(session: &mut Session<'_, W>, settings: &Settings) -> Outcome {
    let mut values = Map::new();
    for setting in Setting::ALL {
        let text = settings.text(setting);
        let line = format!("{:<15} {:<22} {}", setting.as_str(), shown(&text), setting.takes());
        session.terminal.say(&line);
        values.insert(setting.as_str().to_owned(), Value::from(text));
    }
    Outcome::new().with("settings", values).told()
}

fn changed<W: Wiring>(
    session: &mut Session<'_, W>,
    setting: Setting,
    settings: &Settings,
) -> Outcome {
    let text = settings.text(setting);
    let name = setting.as_str();
    session.terminal.say(&match (setting, text.as_str()) {
        (rate, "none") if Setting::RATES.contains(&rate) => {
            format!("{name} is none from now on: there is no limit.")
        }
        _ => format!("{name} is {} from now on.", shown(&text)),
    });
    Outcome::new().with(setting.as_str(), text).told()
}

/// What is set, as one sees it on a terminal.
fn shown(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { printable(text) }
}
