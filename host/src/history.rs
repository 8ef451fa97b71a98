//! Stub.
#![allow(missing_docs)]
use std::{collections::HashMap, sync::Mutex, time::SystemTime};
#[derive(Clone, serde::Serialize)]
pub struct Entry {
    pub revision: u64,
    pub digest: String,
    pub size: u64,
    pub since: SystemTime,
    pub by: String,
    pub how: How,
}
#[derive(Clone, Copy, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    Manifest,
    Swap,
    Rollback,
    Canary,
}
#[derive(Default)]
pub struct History {
    all: Mutex<HashMap<String, Vec<(Entry, Vec<u8>)>>>,
}
impl History {
    pub fn in_memory() -> History {
        History::default()
    }
    pub fn record(&self, service: &str, revision: u64, component: &[u8], by: &str, how: How) -> anyhow::Result<Entry> {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(component).iter().map(|b| format!("{b:02x}")).collect();
        let e = Entry { revision, digest, size: component.len() as u64, since: SystemTime::now(), by: by.into(), how };
        if let Ok(mut all) = self.all.lock() {
            all.entry(service.into()).or_default().insert(0, (e.clone(), component.to_vec()));
        }
        Ok(e)
    }
    pub fn live(&self, service: &str) -> Option<Entry> {
        self.entries(service).into_iter().next()
    }
    pub fn entries(&self, service: &str) -> Vec<Entry> {
        self.all
            .lock()
            .map(|a| a.get(service).map(|v| v.iter().map(|e| e.0.clone()).collect()).unwrap_or_default())
            .unwrap_or_default()
    }
    pub fn before_live(&self, service: &str) -> Option<Entry> {
        let e = self.entries(service);
        let l = e.first()?.digest.clone();
        e.into_iter().find(|x| x.digest != l)
    }
    pub fn component(&self, digest: &str) -> anyhow::Result<Vec<u8>> {
        let all = self.all.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        all.values()
            .flatten()
            .find(|e| e.0.digest == digest)
            .map(|e| e.1.clone())
            .ok_or_else(|| anyhow::anyhow!("none"))
    }
}
