package report

// Suite is how the trials of a suite went on the engines of a release.
type Suite struct {
	Suite    string  `json:"suite"`
	Release  string  `json:"-"`
	Series   string  `json:"series"`   // patch.Series.Digest of the patched engine
	Revision string  `json:"revision"` // changes with the trials of the suite, see Revision
	Source   string  `json:"source"`   // of the engines: "git" or "module"
	Stock    string  `json:"stock"`    // SHA-256 of the stock dockerd
	Patched  string  `json:"patched"`  // SHA-256 of the patched dockerd
	Kernel   string  `json:"kernel"`
	Arch     string  `json:"arch"`
	Seed     uint64  `json:"seed,omitempty"`
	Date     string  `json:"date"`
	Seconds  int     `json:"seconds"`
	Trials   []Trial `json:"trials"`
}

// Trial is what was found in a trial. One that was skipped has neither passed nor failed.
type Trial struct {
	Name    string  `json:"name"` // a sentence
	Passed  bool    `json:"passed"`
	Skipped string  `json:"skipped,omitempty"` // why this machine cannot do it
	Stock   Figures `json:"stock,omitempty"`
	Patched Figures `json:"patched,omitempty"`
	// Problem is what the patched engine did wrong, "" if it passed.
	Problem string `json:"problem,omitempty"`
}

// Figures are what was counted of an engine in a trial, by what it counts: Starts and
// InOrder in most trials.
type Figures map[string]int

// The figures that most trials have.
const (
	Starts  = "starts"
	InOrder = "in order" // starts whose interfaces came up as they must
)
