//! Decides who may do what with the shop's orders: everybody whom the gateway knows may read
//! them, and whoever has the scope `orders:write` may place one for the tenant that it says it
//! is of.

use bindings::exports::dovetail::gateway::authorizer::{Decision, Guest, Permission, Refusal, Request};

struct Authorizer;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Authorizer;

    wit_bindgen::generate!({
        inline: "
            package shop:policy;
            world authorizer {
                export dovetail:gateway/authorizer@0.1.0;
            }
        ",
        path: "../../wit/deps/gateway.wit",
        generate_all,
    });

    export!(Authorizer);
}

/// For how many seconds the gateway need not ask the same again.
const SECONDS: u32 = 10;

impl Guest for Authorizer {
    fn authorize(request: Request) -> Decision {
        let Some(identity) = &request.identity else { return refuse("Nobody is known by that") };
        let tenants: Vec<_> = request.headers.iter().filter(|(name, _)| name == "x-tenant").collect();
        let (_, tenant) = match tenants[..] {
            [tenant] => tenant,
            _ => return refuse("X-Tenant is to be said once"),
        };
        let reads = matches!(&*request.method, "GET" | "HEAD");
        if !reads && !identity.scopes.iter().any(|scope| scope == "orders:write") {
            return refuse("Orders are placed by those alone who have the scope orders:write");
        }
        let headers = vec![("x-tenant".to_owned(), tenant.clone())];
        Decision::Allow(Permission { headers, seconds: SECONDS })
    }
}

fn refuse(sentence: &str) -> Decision {
    Decision::Refuse(Refusal { status: 403, sentence: sentence.to_owned() })
}
