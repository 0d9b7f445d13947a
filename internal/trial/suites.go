package trial

// Suites are those of this package, in the order in which they run.
var Suites = []Suite{Core, Extended, Compose, Clients, Corrupt, Concurrent, Race, Swarm, Fault, Crash, Upgrade, DropIn, Verifying}
