//! A way between two programs that can be cut.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// Connections to its port go on to another one.
pub(crate) struct Proxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// In front of a port of this machine. Its threads end with the process of the test.
    pub(crate) fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a machine has free ports");
        let proxy = Proxy { port: listener.local_addr().expect("it is bound").port(), open: Arc::default() };
        let open = Arc::clone(&proxy.open);
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Nobody there: the client is told by the end of its connection.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (clone(from), clone(to));
                    open.lock().expect("nobody panics with it").push(clone(&from));
                    spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = from.shutdown(Shutdown::Both);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections; new ones are let through.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().expect("nobody panics with it").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("there are file descriptors left")
}
