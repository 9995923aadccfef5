// Lets a test move the clock of the Worker: the header `x-clock` of a request says how many milliseconds ahead it is from
// then on. This module must be loaded before the Worker.

const { now } = Date;
let ahead = 0;

Date.now = () => now() + ahead;

export function hook(Worker) {
  const { fetch } = Worker.prototype;
  Worker.prototype.fetch = function (request) {
    const moved = request.headers.get('x-clock');
    if (moved !== null) ahead = Number(moved);
    return fetch.call(this, request);
  };
}
