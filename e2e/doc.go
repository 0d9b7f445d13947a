// Package e2e has the tests that run real engines. They need root, a few minutes
// and what scripts/test installs. Without it they are skipped:
//
//	sudo ETHORDER_E2E='17.12.1 29.7.1' go test -v -timeout 60m ./e2e
package e2e
