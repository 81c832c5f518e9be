//! What is set for this installation, for the command and the window alike.

use app::command::program::{Changed, ResetSetting, SetSetting, ShowSettings};
use app::resident::Carried;
use app::settings::Setting;

use crate::args::{SettingsArgs, SettingsCommand};
use crate::fault::Fault;
use crate::installed::Installed;
use crate::outcome::{Outcome, printable};
use crate::session::Session;
use crate::wiring::Wiring;

/// `settings …`.
///
/// # Errors
///
/// [`Fault`] if a value cannot be, or the disk fails; then nothing is changed.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &SettingsArgs,
) -> Result<Outcome, Fault> {
    match args.command.clone() {
        None => show(session).await,
        Some(SettingsCommand::Set { name, value }) => {
            change(session, SetSetting { name, value }).await
        }
        Some(SettingsCommand::Reset { name }) => change(session, ResetSetting { name }).await,
    }
}

async fn show<W: Wiring>(session: &mut Session<'_, W>) -> Result<Outcome, Fault> {
    let done = session.ask(ShowSettings {}).await?;
    for (setting, text) in &done.reply.settings {
        let line = format!("{:<15} {:<22} {}", setting.as_str(), shown(text), setting.takes());
        session.terminal.say(&line);
    }
    session.say_if_new()?;
    Ok(Outcome::of(&done).told())
}

async fn change<'a, W: Wiring>(
    session: &mut Session<'a, W>,
    command: impl Carried<Installed<'a, W>, Reply = Changed>,
) -> Result<Outcome, Fault> {
    let data = session.data()?;
    let is_new = !data.exists();
    let done = session.ask(command).await?;
    for (setting, text) in &done.reply.0 {
        let name = setting.as_str();
        session.terminal.say(&match (setting, text.as_str()) {
            (rate, "none") if Setting::RATES.contains(rate) => {
                format!("{name} is none from now on: there is no limit.")
            }
            _ => format!("{name} is {} from now on.", shown(text)),
        });
    }
    if is_new {
        let line = format!("{} is new: it holds what is set, and nothing else.", data.display());
        session.terminal.say(&line);
    }
    Ok(Outcome::of(&done).told())
}

/// What is set, as one sees it on a terminal.
fn shown(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { printable(text) }
}
