//! Commands on the program itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::{Setting, Settings};

/// Shows what is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowSettings {}

/// Sets one thing from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSetting {
    /// What is set.
    pub name: Setting,
    /// To what, as people type it; empty where the program may choose.
    pub value: String,
}

/// Has one thing again as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetSetting {
    /// What is reset.
    pub name: Setting,
}

/// Everything that can be set, each as it can be typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// By name.
    pub settings: BTreeMap<Setting, String>,
}

/// What one thing is set to now, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changed(pub BTreeMap<Setting, String>);

impl Changed {
    pub(crate) fn of(setting: Setting, settings: &Settings) -> Self {
        Self(BTreeMap::from([(setting, settings.text(setting))]))
    }
}
