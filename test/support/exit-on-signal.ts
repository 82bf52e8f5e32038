// Servers are ended when this process exits. A runner that ends its workers, and a person who ends a lab, send a signal,
// which by itself is no exit.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1))
