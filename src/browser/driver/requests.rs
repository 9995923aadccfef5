//! The requests of a call: each is sent, its response arrives, and its body goes to the machine piece by piece.

use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::Driver;
use super::connection::{Connection, Piece, cancel_body};
use crate::browser::page::explain;
use crate::browser::promise::{settle, spawn};
use crate::failure::Kind;
use crate::{AttemptId, Failure, HttpRequest, Input};

impl Driver {
    pub(super) fn send(self: &Rc<Self>, attempt: AttemptId, request: HttpRequest) {
        if let Some(response) = &self.host.given {
            self.state.borrow_mut().connections.push(Connection::of_given(attempt));
            return self.take_response(attempt, Ok(response.clone()));
        }
        let (connection, answer) = Connection::send(&self.host.fetch, attempt, request);
        self.put_back(connection);
        let driver = Rc::clone(self);
        spawn(async move {
            driver.take_response(attempt, settle(answer).await);
            driver.advance();
        });
    }

    /// The response of `attempt` is there, unless the request failed.
    fn take_response(self: &Rc<Self>, attempt: AttemptId, response: Result<JsValue, JsValue>) {
        let Some(mut connection) = self.remove(attempt) else {
            return response.iter().for_each(cancel_body);
        };
        self.draw_seed();
        let head = response.and_then(|response| connection.open(response, self.host.given.is_some()));
        match head {
            Ok(head) => {
                self.put_back(connection);
                self.state.borrow_mut().thrown = JsValue::UNDEFINED;
                self.handle(Input::Head { attempt, status: head.status, headers: head.headers });
            }
            Err(thrown) => self.fail(&connection, thrown),
        }
    }

    pub(super) fn read(self: &Rc<Self>, attempt: AttemptId) {
        let source = {
            let connections = &mut self.state.borrow_mut().connections;
            connections.iter_mut().find(|connection| connection.attempt == attempt).map(Connection::source)
        };
        if let Some(source) = source {
            source.read(self, attempt);
        }
    }

    /// A read of the body of `attempt` has ended.
    pub(super) fn take_piece(self: &Rc<Self>, attempt: AttemptId, piece: Result<Piece, JsValue>) {
        // Without a connection, the attempt was closed meanwhile.
        let Some(mut connection) = self.remove(attempt) else { return };
        self.state.borrow_mut().thrown = JsValue::UNDEFINED;
        let known = connection.held.bytes().len();
        match piece.and_then(|piece| connection.take(piece)) {
            Ok(false) => {}
            Ok(true) => {
                self.give_held(&mut connection);
                self.handle(Input::End { attempt });
                self.notify_attempts();
                return self.advance();
            }
            Err(thrown) => {
                self.give_held(&mut connection);
                connection.cancel();
                self.fail(&connection, thrown);
                return self.advance();
            }
        }
        if !connection.held.has_line(known) {
            self.put_back(connection);
            return self.read(attempt);
        }
        self.give_held(&mut connection);
        self.put_back(connection);
        self.advance();
    }

    /// The machine gets the bytes that were held back.
    fn give_held(&self, connection: &mut Connection) {
        if !connection.held.bytes().is_empty() {
            self.handle(Input::Bytes { attempt: connection.attempt, bytes: connection.held.bytes() });
            connection.held.clear();
        }
    }

    fn fail(&self, connection: &Connection, thrown: JsValue) {
        let failure = Failure::new(Kind::Network, explain(&thrown, &connection.url));
        self.state.borrow_mut().thrown = thrown;
        self.handle(Input::Failed { attempt: connection.attempt, failure });
        self.notify_attempts();
    }

    pub(super) fn close(&self, attempt: AttemptId) {
        if let Some(connection) = self.remove(attempt) {
            connection.close();
        }
    }

    /// Keeps a connection, unless the call ended while code of the page ran.
    fn put_back(&self, connection: Connection) {
        if self.is_over() {
            return connection.close();
        }
        self.state.borrow_mut().connections.push(connection);
    }

    fn remove(&self, attempt: AttemptId) -> Option<Connection> {
        let connections = &mut self.state.borrow_mut().connections;
        let at = connections.iter().position(|connection| connection.attempt == attempt)?;
        Some(connections.swap_remove(at))
    }
}
