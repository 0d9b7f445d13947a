package tool

import (
	"context"
	"path/filepath"
	"strings"
)

// Git runs git in dir and returns what it wrote to stdout. A configuration of
// the user does not count, and neither does a repository that dir happens to
// lie in: git apply, in a directory of another repository, skips every file
// outside of that directory and reports success.
func Git(ctx context.Context, dir string, args ...string) (string, error) {
	return Run(ctx, gitCmd(dir, args))
}

// GitAll is Git, and returns what git wrote to stdout and stderr.
func GitAll(ctx context.Context, dir string, args ...string) (string, error) {
	c := gitCmd(dir, args)
	c.Merge = true
	return Run(ctx, c)
}

func gitCmd(dir string, args []string) Cmd {
	return Cmd{
		Dir:  dir,
		Env:  []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir)},
		What: "git " + strings.Join(args, " "),
		Args: append([]string{"git", "-c", "safe.directory=*", "-c", "core.autocrlf=false"}, args...),
	}
}
