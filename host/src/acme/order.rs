//! One certificate, from the account to the last byte.

use std::{sync::Arc, time::Duration};

use instant_acme::{
    AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::{
    directory::Requests,
    failure::Failure,
    folder::{Account, Folder},
    proof,
};
use crate::{
    manifest::Acme,
    tls::{Proof, Proofs},
};

/// How long an authority may take to look, and to sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// What an authority gave.
pub struct Issued {
    /// The certificate and those between it and the authority, in PEM.
    pub chain: String,
    /// Its key, in PEM.
    pub key: String,
}

/// Have a certificate. The authority looks for proofs in this way.
pub async fn order(acme: &Acme, folder: &Folder, way: &ChallengeType, proofs: &Arc<Proofs>) -> Result<Issued, Failure> {
    let account = account(acme, folder).await?;
    let names: Vec<_> = acme.hosts.iter().cloned().map(Identifier::Dns).collect();
    let mut order = match account.new_order(&NewOrder::new(&names)).await.map_err(Failure::from) {
        Err(failure) if failure.is_of_no_account() => {
            // The next time there is another.
            folder.forget_account()?;
            return Err(failure);
        }
        ordered => ordered?,
    };
    let shown = prove(&mut order, way, proofs).await?;
    let ready = order.poll_ready(&PATIENCE).await;
    drop(shown);
    match ready {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => return Err(unproven(&mut order).await?.unwrap_or(Error::Str("it has ended the order").into())),
        Err(error) => return Err(unproven(&mut order).await.ok().flatten().unwrap_or(error.into())),
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(Issued { chain, key })
}

/// The account with the authority, made where there is none. That its terms are agreed to says
/// the manifest.
async fn account(acme: &Acme, folder: &Folder) -> Result<instant_acme::Account, Failure> {
    let directory = acme.directory.to_string();
    let builder = || {
        let requests = Requests::new(acme.ca.as_deref())?;
        Ok::<_, Failure>(instant_acme::Account::builder_with_http(Box::new(requests)))
    };
    if let Some(credentials) = folder.account(&directory)? {
        return Ok(builder()?.from_credentials(credentials).await?);
    }
    let contact: Vec<_> = acme.contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder()?.create(&new, directory.clone(), None).await?;
    folder.keep_account(&Account { directory, credentials })?;
    tracing::info!("has an account with {}", acme.directory);
    Ok(account)
}

/// Show a proof for each name that is not proven yet, and ask the authority to look.
async fn prove(order: &mut Order, way: &ChallengeType, proofs: &Arc<Proofs>) -> Result<Vec<Proof>, Failure> {
    let mut shown = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let host = proof::name(&authorization.identifier());
        let said = if *way == ChallengeType::Http01 { "http-01" } else { "tls-alpn-01" };
        let mut challenge = authorization.challenge(way.clone()).ok_or(Failure::NoWay { host, way: said })?;
        shown.push(proof::show(&challenge, proofs)?);
        challenge.set_ready().await?;
    }
    Ok(shown)
}

/// What the authority says of a name at which it did not find this host.
async fn unproven(order: &mut Order) -> Result<Option<Failure>, Failure> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        authorization.refresh().await?;
        let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.clone());
        if let Some(problem) = problem {
            let host = proof::name(&authorization.identifier());
            let reason = problem.detail.unwrap_or_else(|| problem.r#type.unwrap_or_default());
            return Ok(Some(Failure::Unproven { host, reason }));
        }
    }
    Ok(None)
}
