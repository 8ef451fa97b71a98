//! What shows an authority that the names are those of this host, while it looks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::sign::CertifiedKey;

/// What is shown now. Each lock is held for a look alone.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Over plain HTTP (RFC 8555, section 8.3): the answer for each token.
    answers: Mutex<HashMap<String, String>>,
    /// Over TLS (RFC 8737): the certificate for each name.
    certificates: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// What is shown until this is dropped.
pub struct Proof {
    proofs: Arc<Proofs>,
    what: What,
}

enum What {
    Answer(String),
    Certificate(String),
}

impl Proofs {
    /// The answer for a token.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// The certificate for a name, in lower case.
    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Answer this token so.
    pub fn show_answer(self: &Arc<Self>, token: String, answer: String) -> Proof {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), answer);
        Proof { proofs: self.clone(), what: What::Answer(token) }
    }

    /// Show this to an authority that asks for the name.
    pub fn show_certificate(self: &Arc<Self>, name: String, shown: CertifiedKey) -> Proof {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::new(shown));
        Proof { proofs: self.clone(), what: What::Certificate(name) }
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let Proofs { answers, certificates } = &*self.proofs;
        match &self.what {
            What::Answer(token) => drop(answers.lock().unwrap_or_else(PoisonError::into_inner).remove(token)),
            What::Certificate(name) => drop(certificates.lock().unwrap_or_else(PoisonError::into_inner).remove(name)),
        }
    }
}
