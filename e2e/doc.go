// Package e2e tests with real engines that the demo leaves nothing on the machine. It
// needs root, a few minutes and what scripts/test installs. Without a release it is
// skipped:
//
//	sudo ETHORDER_E2E=17.12.1 go test -v -timeout 60m ./e2e
package e2e
