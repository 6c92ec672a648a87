//! The configuration is read again while the agent runs.
//!
//! Invariants: one that is wrong changes nothing; what the old network had under way stays sealed, and is handed out
//! again; what CloudWatch was told is not told again.

use super::Daemon;
use crate::{
    access::{heartbeat_settings, s3_settings},
    config::Config,
    heartbeat::Figures,
    network::{self, Network, Notice},
};
use anyhow::{Context, Result};
use std::sync::mpsc::Sender;

impl Daemon {
    /// The configuration as it is written now, unless it is wrong.
    pub(super) fn reloaded(&self) -> Option<Config> {
        match Config::load(&self.file) {
            Ok(config) if config.agent.state_dir != self.config.agent.state_dir => {
                tracing::error!(
                    "agent.state_dir cannot change while the agent runs; the configuration stays as it was"
                );
                None
            }
            Ok(config) => Some(config),
            Err(problems) => {
                problems.iter().for_each(|problem| tracing::error!("{problem}"));
                tracing::error!("the configuration is wrong and stays as it was");
                None
            }
        }
    }

    /// Goes on by another configuration. A network that it changes is ended first: what it had under way is
    /// sealed, and handed out again.
    pub(super) fn adopt(&mut self, config: Config) -> Result<()> {
        let network_differs = config.upload != self.config.upload
            || config.heartbeat != self.config.heartbeat
            || config.agent != self.config.agent;
        if network_differs {
            if config.agent.host != self.config.agent.host || !config.heartbeat.enabled {
                // Nobody is to be missed under the old name.
                self.say_farewell(self.tally.figures_at_rest());
            }
            let reported = self.network.stop();
            self.network = start_network(&config, reported, self.notifier.clone())?;
            self.tally.adopt(config.agent.host.clone());
            self.logging.adopt(config.agent.log_level);
        }
        self.scanner.adopt(&config);
        self.config = config;
        tracing::info!("the configuration was read again");
        Ok(())
    }
}

/// The network that the configuration asks for, where CloudWatch knows what was `reported`.
pub(super) fn start_network(config: &Config, reported: Figures, notices: Sender<Notice>) -> Result<Network> {
    let settings = network::Settings {
        s3: s3_settings(config)?,
        heartbeat: heartbeat_settings(config)?,
        host: config.agent.host.clone(),
        reported,
        bytes_per_second_max: config.upload.bandwidth_bytes_per_second_max,
        status_socket: config.agent.status_socket.clone(),
        metrics_listen: config.agent.metrics_listen,
    };
    Network::start(settings, notices).context("the network's thread cannot be started")
}
