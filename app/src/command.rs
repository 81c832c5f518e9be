//! What can be asked of the program: one table, which every face speaks.
//!
//! A command is a value: one of the structs that stand here in groups, with its arguments, or
//! [`Command`], which is any of them. What comes of it is an [`Answer`] with the reply that goes
//! with it. They are written and read in any format of serde; none says how a person types or
//! reads them.

mod answer;
pub mod program;
pub mod records;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::resident::{Installation, Resident};

pub use answer::{Answer, Done, Refused, Warning};

/// What a command uses of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// The files beside the library, which several processes may use at once.
    Data,
}

/// One command with its arguments, and the type of what it answers with.
pub trait Typed: Into<Command> + Serialize + DeserializeOwned + Send {
    /// What it answers with once it is done.
    type Reply: Serialize + DeserializeOwned + Send;
    /// Its name, as [`Command`] is written with it.
    const NAME: &'static str;
    /// What it uses.
    const NEEDS: Needs;
}

macro_rules! commands {
    ($($(#[$doc:meta])* $command:ident($arguments:ty) $name:literal -> $reply:ty, $needs:ident;)*) => {
        /// Anything that can be asked of the program: `do` names the command, its arguments
        /// stand beside that.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "do")]
        #[non_exhaustive]
        pub enum Command {
            $($(#[$doc])* #[serde(rename = $name)] $command($arguments),)*
        }

        /// What any command answers with; which one it is, whoever asked knows.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum Reply {
            $(#[doc = concat!("Of [`Command::", stringify!($command), "`].")] $command($reply),)*
        }

        impl Command {
            /// The name of each command, and what it uses.
            pub const ALL: &'static [(&'static str, Needs)] =
                &[$(($name, <$arguments as Typed>::NEEDS),)*];

            /// Its name.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$command(_) => $name,)*
                }
            }

            /// What it uses.
            pub const fn needs(&self) -> Needs {
                match self {
                    $(Self::$command(_) => <$arguments as Typed>::NEEDS,)*
                }
            }
        }

        $(
            impl Typed for $arguments {
                type Reply = $reply;
                const NAME: &'static str = $name;
                const NEEDS: Needs = Needs::$needs;
            }

            impl From<$arguments> for Command {
                fn from(command: $arguments) -> Self {
                    Self::$command(command)
                }
            }
        )*

        impl<I: Installation> Resident<I> {
            /// Does what the command asks for.
            pub async fn perform(&self, command: Command) -> Answer {
                Answer(match command {
                    $(Command::$command(command) => match self.ask(command).await {
                        Ok(done) => Ok(done.map(Reply::$command)),
                        Err(refused) => Err(refused.map(Reply::$command)),
                    },)*
                })
            }
        }
    };
}

commands! {
    /// What is set for the installation.
    Settings(program::ShowSettings) "settings" -> program::Shown, Data;
    /// Sets one thing from now on.
    SetSetting(program::SetSetting) "set-setting" -> program::Changed, Data;
    /// Has one thing again as it was made.
    ResetSetting(program::ResetSetting) "reset-setting" -> program::Changed, Data;
    /// What the user said yes to.
    Grants(records::ListGrants) "grants" -> records::Grants, Data;
    /// Checks the consent log line by line.
    CheckLog(records::CheckLog) "check-log" -> records::Log, Data;
    /// Takes grants back.
    Revoke(records::Revoke) "revoke" -> records::Revoked, Data;
    /// What was agreed to, moved and taken back.
    Activity(records::ShowActivity) "activity" -> records::Activity, Data;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use verifier::scalars::Id;

    use super::{Command, Needs, Typed as _, program, records};
    use crate::settings::Setting;

    #[test]
    fn a_command_is_read_as_it_is_written() {
        let grant = Id::parse("g-1").unwrap();
        let (name, value) = (Setting::UploadLimit, "2MiB".to_owned());
        for (command, text) in [
            (program::ShowSettings {}.into(), json!({"do": "settings"})),
            (
                program::SetSetting { name, value }.into(),
                json!({"do": "set-setting", "name": "upload_limit", "value": "2MiB"}),
            ),
            (
                program::ResetSetting { name }.into(),
                json!({"do": "reset-setting", "name": "upload_limit"}),
            ),
            (records::ListGrants {}.into(), json!({"do": "grants"})),
            (records::CheckLog {}.into(), json!({"do": "check-log"})),
            (
                records::Revoke { grants: vec![grant] }.into(),
                json!({"do": "revoke", "grants": ["g-1"]}),
            ),
            (records::ShowActivity { most: 5 }.into(), json!({"do": "activity", "most": 5})),
        ] {
            let command: Command = command;
            assert_eq!(serde_json::to_value(&command).unwrap(), text);
            assert_eq!(command.name(), text["do"]);
            assert_eq!(serde_json::from_value::<Command>(text).unwrap(), command);
        }
    }

    #[test]
    fn what_is_no_command_is_not_read() {
        for wrong in [
            json!({}),
            json!({"do": "format-disk"}),
            json!({"do": "activity"}),
            json!({"do": "activity", "most": -1}),
            json!({"do": "settings", "more": true}),
            json!({"do": "revoke", "grants": ["no id"]}),
            json!({"do": "set-setting", "name": "window", "value": ""}),
            Value::Null,
        ] {
            assert!(serde_json::from_value::<Command>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_command_has_a_name_of_its_own() {
        let mut names: Vec<&str> = Command::ALL.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Command::ALL.len());
        assert!(names.contains(&records::Revoke::NAME));
        assert_eq!(Command::from(program::ShowSettings {}).needs(), Needs::Data);
    }
}
