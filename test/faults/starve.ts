// node --import starve.ts PROGRAM: takes the event loop away for 200 of every 250 milliseconds, as a machine without processor time does.
const still = new Int32Array(new SharedArrayBuffer(4));
setInterval(() => Atomics.wait(still, 0, 0, 200), 50).unref();
