//! Arguments of the command that shows and changes settings.

use app::settings::Setting;
use clap::{Args, Subcommand};

/// `settings`.
#[derive(Debug, Clone, Args)]
pub struct SettingsArgs {
    /// What to change; without it, everything is shown.
    #[command(subcommand)]
    pub command: Option<SettingsCommand>,
}

/// `settings …`.
#[derive(Debug, Clone, Subcommand)]
pub enum SettingsCommand {
    /// Set one thing from now on; `minimodel settings` shows the names
    Set {
        /// Its name, such as upload_limit
        #[arg(value_parser = read_name)]
        name: Setting,
        /// What it is set to; nothing where the program may choose
        #[arg(default_value = "", hide_default_value = true)]
        value: String,
    },
    /// Have one thing again as it was made
    Reset {
        /// Its name, such as upload_limit
        #[arg(value_parser = read_name)]
        name: Setting,
    },
}

/// Reads the name of a setting.
fn read_name(text: &str) -> Result<Setting, String> {
    Setting::named(text).ok_or_else(|| {
        let names = Setting::ALL.map(Setting::as_str).join(", ");
        format!("`{text}` cannot be set; use one of {names}")
    })
}
