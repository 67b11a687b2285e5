//! Results posted to a web server.
//!
//! Each delivery is one request, or several are one as a JSON list, with an `Idempotency-Key` that stays the same at every
//! try. With a secret the body is signed, so that the receiver knows who sent it and when:
//!
//! ```text
//! Ouzel-Signature: t=1704067200,v1=HEX    HEX = HMAC-SHA256(secret, "1704067200." + body)
//! ```
//! A name may stand for an address inside the own network, which an outsider would love to have called from there. So
//! private addresses are refused unless the config allows them: as they are written, and again each time a name is looked
//! up. Redirects are not followed, and no proxy is used, for both would go around that.
//!
//! | answer | meaning |
//! | --- | --- |
//! | 2xx | delivered |
//! | 408, 425, 429, 5xx | try again, and not before its `Retry-After`, an hour at the most |
//! | none in 10 s, no connection | try again |
//! | all else | never: somebody has to mend it |

use super::live::{Delivered, Delivery, LiveSink, Undelivered};
use super::template::{Fields, Template, Use};
use crate::fault::{Fault, Retry, Whose};
use crate::secret::Secret;
use crate::source::live::Now;
use crate::tls;
use jiff::fmt;
use ouzel_engine::time::Time;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url, redirect};
use ring::hmac;
use std::error::Error;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `[sink.NAME]` of type `webhook`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where to.
    pub url: String,
    /// `POST` or `PUT`.
    pub method: Verb,
    /// What is sent; the output as it is, where nothing else is said.
    pub body: Option<Template>,
    /// Headers of the request.
    pub headers: Vec<(String, Header)>,
    /// Signs the body.
    pub secret: Option<Secret>,
    /// Whether the receiver may stand in the own network.
    pub allow_private: bool,
    /// Several are sent at once, at most so many, as one list; `None`: each is a request of its own.
    pub batch: Option<NonZeroUsize>,
}

impl Settings {
    /// Posts what is written to this address.
    pub fn to(url: impl Into<String>) -> Settings {
        let url = url.into();
        Settings {
            url,
            method: Verb::Post,
            body: None,
            headers: Vec::new(),
            secret: None,
            allow_private: false,
            batch: None,
        }
    }
}

/// What is asked of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// The value of a header: text, or a secret with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// As it stands.
    Text(String),
    /// A secret between two texts: `Bearer ${env:TOKEN}`.
    Secret(String, Secret, String),
}

/// Posts results.
pub struct Webhook {
    client: Client,
    url: Url,
    method: Method,
    body: Option<Template>,
    headers: HeaderMap,
    key: Option<hmac::Key>,
    batch: Option<NonZeroUsize>,
    now: Now,
}

impl Webhook {
    /// A sink with these settings.
    ///
    /// # Errors
    /// An address that is none, or a private one that is not allowed; a secret that cannot be read.
    pub fn new(settings: &Settings, now: Now) -> Result<Webhook, Fault> {
        tls::install();
        let url = checked(&settings.url, settings.allow_private)
            .map_err(|why| Fault::yours(format!("the url {} {why}", settings.url)))?;
        let key = settings.secret.as_ref().map(Secret::read).transpose()?;
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("ouzel/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Guard { allow_private: settings.allow_private }))
            .build()
            .map_err(|error| Fault::yours(format!("the webhook cannot be set up: {}", innermost(&error))))?;
        Ok(Webhook {
            client,
            url,
            method: match settings.method {
                Verb::Post => Method::POST,
                Verb::Put => Method::PUT,
            },
            body: settings.body.clone(),
            headers: headers(&settings.headers)?,
            key: key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())),
            batch: settings.batch,
            now,
        })
    }

    async fn send(&self, deliveries: &[Delivery]) -> Result<(), Undelivered> {
        if self.batch.is_some() {
            return self.post(&batch_key(deliveries), self.list(deliveries)).await.map_err(Undelivered::all);
        }
        for (done, delivery) in deliveries.iter().enumerate() {
            let posted = self.post(&delivery.key, self.words(delivery)).await;
            posted.map_err(|fault| Undelivered { done, fault })?;
        }
        Ok(())
    }

    /// What is sent of one delivery.
    fn words(&self, delivery: &Delivery) -> Result<String, Fault> {
        match &self.body {
            Some(template) => Ok(template.fill(&Fields::of(delivery)?, Use::Json)),
            None => Ok(delivery.json.clone()),
        }
    }

    /// What is sent of several: a list.
    fn list(&self, deliveries: &[Delivery]) -> Result<String, Fault> {
        let mut list = String::from("[");
        for (number, delivery) in deliveries.iter().enumerate() {
            list.push_str(if number > 0 { "," } else { "" });
            list.push_str(&self.words(delivery)?);
        }
        list.push(']');
        Ok(list)
    }

    async fn post(&self, key: &str, body: Result<String, Fault>) -> Result<(), Fault> {
        let body = body?;
        let mut request = self.client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        request = request.header("idempotency-key", key);
        let now = (self.now)();
        if let Some(key) = &self.key {
            request = request.header("ouzel-signature", signature(key, now.0 / 1_000_000_000, &body));
        }
        let at = self.url.host_str().unwrap_or_default();
        let response = request.body(body).send().await.map_err(|error| unsent(at, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let after = response.headers().get(RETRY_AFTER).and_then(|value| wait(value.to_str().ok()?, now));
        let said = answer(response).await;
        let (retry, way) = match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => (Retry::Later, ""),
            status if status.is_server_error() => (Retry::Later, ""),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (Retry::Never, "; mend its `headers` or `secret`"),
            status if status.is_redirection() => (Retry::Never, "; write the new address as `url`"),
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::METHOD_NOT_ALLOWED => {
                (Retry::Never, "; mend its `url`")
            }
            _ => (Retry::Never, "; mend its `body` or `headers`"),
        };
        let whose = if retry == Retry::Later { Whose::Peer } else { Whose::You };
        let retry = match (retry, after) {
            (Retry::Later, Some(after)) => Retry::After(after),
            (retry, _) => retry,
        };
        Err(Fault { whose, retry, what: format!("{at} answered {}{said}{way}", status.as_u16()) })
    }
}

impl LiveSink for Webhook {
    fn deliver<'a>(&'a mut self, deliveries: &'a [Delivery]) -> Delivered<'a> {
        Box::pin(self.send(deliveries))
    }

    fn batch(&self) -> usize {
        self.batch.map_or(1, NonZeroUsize::get)
    }
}

/// The key of a batch: the same for the same deliveries, at every try.
fn batch_key(deliveries: &[Delivery]) -> String {
    let key = |delivery: Option<&Delivery>| delivery.map_or_else(String::new, |delivery| delivery.key.clone());
    format!("{}-{}-{}", key(deliveries.first()), key(deliveries.last()), deliveries.len())
}

/// The longest that a receiver may ask us to wait; one that says more has most likely a wrong clock.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// What a `Retry-After` asks for: seconds, or a moment (RFC 9110, 10.2.3).
fn wait(text: &str, now: Time) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let until = fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let nanos = until.as_nanosecond() - i128::from(now.0);
    let wait = Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX));
    Some(wait.min(LONGEST_WAIT))
}

/// The address, if it is one that may be called.
///
/// # Errors
/// A phrase on what is wrong, for the person who wrote it.
pub fn checked(url: &str, allow_private: bool) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("is none: {error}; write https://HOST/PATH"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is none of the web: write https://HOST/PATH".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has user or password in it: write a header with a secret instead".into());
    }
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let local = host == "localhost" || host.ends_with(".localhost");
    if !allow_private && (local || address.is_some_and(is_private)) {
        return Err("stands in the own network: write allow_private = true if it is meant".into());
    }
    Ok(url)
}

/// Whether an address is of this machine or of the network around it, or of nobody.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_broadcast()
                || four.is_multicast()
                || four.is_documentation()
                // "This" network; shared by carriers (RFC 6598); protocols (RFC 6890); benchmarks (RFC 2544); reserved.
                || a == 0
                || a == 100 && b & 0xc0 == 64
                || [a, b, c] == [192, 0, 0]
                || a == 198 && b & 0xfe == 18
                || a >= 240
        }
        IpAddr::V6(six) => match embedded(six) {
            Some(four) => is_private(four),
            None => {
                let first = six.segments()[0];
                six.is_loopback()
                    || six.is_unspecified()
                    || six.is_multicast()
                    // Unique local, link local, site local.
                    || first & 0xfe00 == 0xfc00
                    || first & 0xffc0 == 0xfe80
                    || first & 0xffc0 == 0xfec0
            }
        },
    }
}

/// The address of version 4 that one of version 6 stands for: mapped, compatible, translated (64:ff9b::), or 6to4.
fn embedded(six: Ipv6Addr) -> Option<IpAddr> {
    let s = six.segments();
    let four = |high: u16, low: u16| IpAddr::from([(high >> 8) as u8, high as u8, (low >> 8) as u8, low as u8]);
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(four(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(four(high, low)),
        [0x2002, high, low, ..] => Some(four(high, low)),
        _ => None,
    }
}

/// Looks names up, and forgets the addresses that may not be called.
struct Guard {
    allow_private: bool,
}

/// What stands in an error where all of a name's addresses are private.
const PRIVATE: &str = "it stands in the own network: write allow_private = true if it is meant";

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|at| allow_private || !is_private(at.ip())).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, PRIVATE).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn headers(all: &[(String, Header)]) -> Result<HeaderMap, Fault> {
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in all {
        let bad = |what: &str| Fault::yours(format!("the header `{name}` {what}"));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("is no name of a header"))?;
        let (text, secret) = match value {
            Header::Text(text) => (text.clone(), false),
            Header::Secret(before, secret, after) => (format!("{before}{}{after}", secret.read()?), true),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| bad("has a value that cannot stand in a header"))?;
        value.set_sensitive(secret);
        map.insert(header, value);
    }
    Ok(map)
}

fn signature(key: &hmac::Key, seconds: i64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{seconds}.{body}").as_bytes());
    let mut text = format!("t={seconds},v1=");
    for byte in tag.as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The begin of what a receiver says beside its status.
async fn answer(mut response: reqwest::Response) -> String {
    const SHOWN: usize = 200;
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(SHOWN)]);
        if bytes.len() >= SHOWN {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) }
}

fn unsent(at: &str, error: &reqwest::Error) -> Fault {
    let why = innermost(error);
    if why == PRIVATE {
        return Fault::yours(format!("{at} is not called: {PRIVATE}"));
    }
    let what = match error {
        error if error.is_timeout() => format!("{at} did not answer within 10 s"),
        error if error.is_connect() => format!("{at} cannot be reached: {why}"),
        _ => format!("{at} broke off: {why}"),
    };
    Fault { whose: Whose::Peer, retry: Retry::Later, what }
}

/// The innermost word of an error: those around it say nothing.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::delivery;
    use super::*;
    use ouzel_engine::time::Time;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn now() -> Now {
        Arc::new(|| Time::from_secs(1_704_067_200))
    }

    #[test]
    fn private_addresses_are_known_in_each_of_their_disguises() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:192.168.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["9.9.9.9", "172.32.0.1", "100.128.0.1", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn urls_are_checked_as_they_are_written() {
        for (url, allow, said) in [
            ("https://hooks.example.com/x", false, ""),
            ("http://127.0.0.1:9000/hook", true, ""),
            ("http://127.0.0.1:9000/hook", false, "stands in the own network"),
            ("http://localhost/", false, "stands in the own network"),
            ("http://2130706433/", false, "stands in the own network"),
            ("http://[::ffff:7f00:1]/", false, "stands in the own network"),
            ("ftp://x/", false, "is none of the web"),
            ("hooks.example.com", false, "is none: "),
            ("https://me:secret@x/", false, "has user or password in it"),
        ] {
            match checked(url, allow) {
                Ok(_) => assert_eq!(said, "", "{url}"),
                Err(why) => assert!(!said.is_empty() && why.starts_with(said), "{url}: {why}"),
            }
        }
    }

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // The receiver's side, with the same key and text as anybody's tools would have them.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let text = signature(&key, 5, "{}");
        let (_, hex) = text.split_once("v1=").unwrap();
        let tag: Vec<u8> = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        assert!(text.starts_with("t=5,v1=") && hmac::verify(&key, b"5.{}", &tag).is_ok());
        // Test case 2 of the RFC, so that the tag is the algorithm's and not only its own inverse.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        assert_eq!(tag.as_ref()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    /// Delivers to a receiver that answers so; what it was sent, and what the sink said.
    async fn deliver(settings: impl FnOnce(String) -> Settings, answer: &str) -> (String, Result<(), Fault>) {
        let delivery = delivery(r#"{"message":"too \"hot\"","value":9}"#);
        let (request, done) = deliver_all(settings, answer, &[delivery]).await;
        (request, done.map_err(|undelivered| undelivered.fault))
    }

    async fn deliver_all(
        settings: impl FnOnce(String) -> Settings,
        answer: &str,
        deliveries: &[Delivery],
    ) -> (String, Result<(), Undelivered>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
        let mut sink = Webhook::new(&settings(url), now()).unwrap();
        let receiver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") && !request.ends_with(b"]") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        };
        tokio::join!(receiver, sink.deliver(deliveries))
    }

    fn private(url: String) -> Settings {
        Settings { allow_private: true, ..Settings::to(url) }
    }

    const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

    #[tokio::test]
    async fn a_batch_is_one_list_with_one_key() {
        let numbered = |key: &str| Delivery { key: key.into(), ..delivery(&format!(r#"{{"message":"{key}"}}"#)) };
        let three = [numbered("a"), numbered("b"), numbered("c")];
        let list = |url| Settings { batch: NonZeroUsize::new(100), ..private(url) };
        let (request, done) = deliver_all(list, OK, &three).await;
        assert_eq!(done, Ok(()));
        assert!(request.contains("idempotency-key: a-c-3\r\n"), "{request}");
        assert!(request.ends_with(r#"[{"message":"a"},{"message":"b"},{"message":"c"}]"#), "{request}");

        let own = |url| Settings { body: Some(Template::parse(r#"{"text":"{message}"}"#)), ..list(url) };
        let (request, _) = deliver_all(own, OK, &three[..1]).await;
        assert!(request.ends_with(r#"[{"text":"a"}]"#) && request.contains("idempotency-key: a-a-1\r\n"), "{request}");

        let (_, done) = deliver_all(list, "HTTP/1.1 413 Large\r\n\r\n", &three).await;
        let undelivered = done.unwrap_err();
        assert_eq!((undelivered.done, undelivered.fault.retry), (0, Retry::Never));
    }

    #[test]
    fn a_receiver_may_say_when_to_come_again() {
        // 2024-01-01T00:00:00Z, as `now` has it.
        for (text, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("86400", Some(3_600)),
            ("Mon, 01 Jan 2024 00:02:00 GMT", Some(120)),
            ("Sun, 31 Dec 2023 00:00:00 GMT", Some(0)),
            ("Wed, 21 Oct 2099 07:28:00 GMT", Some(3_600)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(wait(text, now()()), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[tokio::test]
    async fn an_output_is_posted_as_it_is_or_in_words_of_ones_own() {
        let (request, done) = deliver(private, OK).await;
        assert_eq!(done, Ok(()));
        assert!(
            request.starts_with("POST /hook HTTP/1.1\r\n") && request.contains("idempotency-key: k1\r\n"),
            "{request}"
        );
        assert!(request.contains("content-type: application/json\r\n"));
        assert!(request.ends_with("\r\n\r\n{\"message\":\"too \\\"hot\\\"\",\"value\":9}"), "{request}");

        let own = |url| Settings {
            body: Some(Template::parse(r#"{"text":"{message}","n":{value}}"#)),
            headers: vec![("X-Room".into(), Header::Text("hall".into()))],
            method: Verb::Put,
            ..private(url)
        };
        let (request, done) = deliver(own, OK).await;
        assert_eq!(done, Ok(()));
        assert!(request.starts_with("PUT /hook") && request.contains("x-room: hall\r\n"), "{request}");
        assert!(request.ends_with("{\"text\":\"too \\\"hot\\\"\",\"n\":9}"), "{request}");
    }

    #[tokio::test]
    async fn a_secret_signs_the_body() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "sesame").unwrap();
        let signed = |url| Settings { secret: Some(Secret::File(path)), ..private(url) };
        let (request, _) = deliver(signed, OK).await;
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"sesame");
        assert!(
            request.contains(&format!("ouzel-signature: {}\r\n", signature(&key, 1_704_067_200, body))),
            "{request}"
        );
    }

    #[tokio::test]
    async fn answers_say_whether_to_come_again() {
        for (answer, retry, said) in [
            ("429 Too Many", Retry::Later, "answered 429"),
            ("429 Too Many\r\nretry-after: 7", Retry::After(Duration::from_secs(7)), "answered 429"),
            ("503 Busy\r\nretry-after: Mon, 01 Jan 2024 00:01:00 GMT", Retry::After(Duration::from_secs(60)), "503"),
            ("400 What\r\nretry-after: 7", Retry::Never, "answered 400"),
            ("425 Early", Retry::Later, "answered 425"),
            ("503 Busy", Retry::Later, "answered 503"),
            ("408 Slow", Retry::Later, "answered 408"),
            ("401 Who", Retry::Never, "mend its `headers` or `secret`"),
            ("404 Where", Retry::Never, "mend its `url`"),
            ("400 What", Retry::Never, "mend its `body` or `headers`"),
            ("301 There\r\nlocation: http://10.0.0.1/", Retry::Never, "write the new address as `url`"),
        ] {
            let (_, done) = deliver(private, &format!("HTTP/1.1 {answer}\r\ncontent-length: 4\r\n\r\nwhy?")).await;
            let fault = done.unwrap_err();
            assert!(fault.retry == retry && fault.what.contains(said) && fault.what.contains(": why?"), "{fault}");
        }
    }

    #[tokio::test]
    async fn nobody_there_and_names_of_the_own_network_are_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut sink = Webhook::new(&private(format!("http://127.0.0.1:{port}/")), now()).unwrap();
        let fault = sink.deliver(&[delivery("{}")]).await.unwrap_err().fault;
        assert!(fault.retry == Retry::Later && fault.what.starts_with("127.0.0.1 cannot be reached"), "{fault}");
        let guard = Guard { allow_private: false };
        let error = guard.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(error.to_string(), PRIVATE);
    }

    proptest! {
        #[test]
        fn mapped_addresses_are_what_they_stand_for(bytes in any::<[u8; 4]>()) {
            let four = std::net::Ipv4Addr::from(bytes);
            prop_assert_eq!(is_private(IpAddr::V6(four.to_ipv6_mapped())), is_private(IpAddr::V4(four)));
        }
    }
}
