package trial

// Main is the scenario that decides: eight networks whose names are not in
// alphabetical order, neither as they are made nor as they are attached. A stock
// engine must get it wrong.
var Main = Scenario{
	Name: "interfaces come up in attach order",
	Networks: `
		kilo
		zulu
		alpha
		net10
		mike
		net2
		bravo
		yankee`,
	Script: `
		create --name box --network zulu idle
		network connect alpha box
		network connect net10 box
		network connect mike box
		network connect net2 box
		network connect yankee box
		network connect bravo box
		network connect kilo box`,
	Want: "zulu alpha net10 mike net2 yankee bravo kilo",
}

// Side are the other scenarios.
var Side = []Scenario{
	{
		Name:     "network connected while stopped comes last",
		Networks: "mike \n alpha \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box
			start box
			stop box
			network connect alpha box`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "network connected while running keeps its place",
		Networks: "mike \n alpha \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			start box
			network connect kilo box
			network connect alpha box
			stop box`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "network connected by id keeps its place",
		Networks: "mike \n bravo \n alpha \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect id:mike box
			network connect shortid:kilo box
			start box
			network connect id:bravo box
			network connect shortid:alpha box
			stop box`,
		Want: "zulu mike kilo bravo alpha",
	}, {
		Name:     "reconnected network comes last",
		Networks: "bravo \n mike \n zulu \n kilo \n alpha",
		Script: `
			create --name box --network zulu idle
			network connect alpha box
			network connect mike box
			network connect kilo box
			network connect bravo box
			start box
			stop box
			network disconnect mike box
			network connect mike box`,
		Want: "zulu alpha kilo bravo mike",
	}, {
		Name:     "network reconnected while running comes last",
		Networks: "bravo \n mike \n zulu \n kilo \n alpha",
		Script: `
			create --name box --network zulu idle
			network connect alpha box
			network connect mike box
			network connect kilo box
			network connect bravo box
			start box
			network disconnect alpha box
			network connect alpha box
			stop box`,
		Want: "zulu mike kilo bravo alpha",
	}, {
		Name: "eth10 comes after eth9 with seventeen networks",
		Networks: `
			n01
			n02
			n03
			n04
			n05
			n06
			n07
			n08
			n09
			n10
			n11
			n12
			n13
			n14
			n15
			n16
			n17`,
		Script: `
			create --name box --network n09 idle
			network connect n17 box
			network connect n03 box
			network connect n12 box
			network connect n01 box
			network connect n08 box
			network connect n16 box
			network connect n05 box
			network connect n10 box
			network connect n02 box
			network connect n14 box
			network connect n07 box
			network connect n11 box
			network connect n15 box
			network connect n04 box
			network connect n13 box
			network connect n06 box`,
		Want: "n09 n17 n03 n12 n01 n08 n16 n05 n10 n02 n14 n07 n11 n15 n04 n13 n06",
	}, {
		Name:     "default bridge attached last comes last",
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box
			network connect bridge box`,
		Want: "zulu mike alpha bridge",
	}, {
		Name:     "default bridge attached first comes first",
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box idle
			network connect zulu box
			network connect mike box
			network connect alpha box`,
		Want: "bridge zulu mike alpha",
	}, {
		Name:     "internal network attached first comes first",
		Networks: "mike \n --internal zulu \n alpha \n --internal kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "network mode given by id comes first",
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box --network id:zulu idle
			network connect mike box
			network connect alpha box`,
		Want: "zulu mike alpha",
	}, {
		Name:     "network mode given by short id comes first",
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box --network shortid:zulu idle
			network connect mike box
			network connect alpha box`,
		Want: "zulu mike alpha",
	}, {
		Name:     "restarted daemon keeps the order",
		Networks: "mike \n alpha \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			daemon restart
			network connect kilo box
			start box
			network connect alpha box
			daemon restart`,
		Want: "zulu mike kilo alpha",
	}, {
		// A number must be kept as soon as it is given.
		Name:     "killed daemon keeps the order",
		Networks: "mike \n alpha \n bravo \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box
			daemon kill
			network connect kilo box
			start box
			network connect bravo box
			daemon kill`,
		Want: "zulu mike alpha kilo bravo",
	}, {
		Name:     "explicit eth1 attached after two others is kept",
		Since:    28,
		Networks: "mike \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect --driver-opt com.docker.network.endpoint.ifname=eth1 kilo box`,
		Want: "zulu kilo mike",
	}, {
		Name:     "explicit eth1 attached after two others the other way round is kept",
		Since:    28,
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box --network mike idle
			network connect zulu box
			network connect --driver-opt com.docker.network.endpoint.ifname=eth1 alpha box`,
		Want: "mike alpha zulu",
	}, {
		Name:     "explicit eth1 attached between two others is kept",
		Since:    28,
		Networks: "mike \n zulu \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect --driver-opt com.docker.network.endpoint.ifname=eth1 kilo box
			network connect mike box`,
		Want: "zulu kilo mike",
	}, {
		Name:     "explicit eth1 attached between two others the other way round is kept",
		Since:    28,
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box --network mike idle
			network connect --driver-opt com.docker.network.endpoint.ifname=eth1 alpha box
			network connect zulu box`,
		Want: "mike alpha zulu",
	}, {
		Name:     "explicit eth1 attached before two others is kept",
		Since:    28,
		Networks: "mike \n zulu \n kilo",
		Script: `
			create --name box --network name=kilo,driver-opt=com.docker.network.endpoint.ifname=eth1 idle
			network connect zulu box
			network connect mike box`,
		Want: "zulu kilo mike",
	}, {
		Name:     "explicit eth1 attached before two others the other way round is kept",
		Since:    28,
		Networks: "mike \n zulu \n alpha",
		Script: `
			create --name box --network name=alpha,driver-opt=com.docker.network.endpoint.ifname=eth1 idle
			network connect mike box
			network connect zulu box`,
		Want: "mike alpha zulu",
	}, {
		// Alone, an overlay takes an interface more for its gateway.
		Name:     "attachable overlay attached before a bridge leaves no gap",
		Swarm:    true,
		Networks: "mike \n --driver overlay --attachable zulu \n --driver overlay --attachable alpha \n kilo",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box
			network connect kilo box`,
		Want: "zulu mike alpha kilo",
	}, {
		Name:     "attachable overlay attached between bridges leaves no gap",
		Swarm:    true,
		Networks: "kilo \n zulu \n --driver overlay --attachable mike",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box`,
		Want: "zulu mike kilo",
	}, {
		// Which network has the gateway behind an overlay, which has none, was up to the
		// heap's array until 18.05, and not to the rule by which the heap compares.
		Name:     "attachable overlay between the default bridge and another keeps the gateway",
		Swarm:    true,
		Networks: "bravo \n --driver overlay --attachable alpha",
		Script: `
			create --name box idle
			network connect alpha box
			network connect bravo box`,
		Want: "bridge alpha bravo",
	}, {
		// The engine leaves the settings of the first, which failed.
		Name:     "network whose first connect was refused comes last",
		Networks: "mike \n zulu \n --subnet 10.99.0.0/24 alpha",
		Script: `
			create --name other --network alpha --ip 10.99.0.9 idle
			create --name box --network zulu idle
			start other box
			! network connect --ip 10.99.0.9 alpha box
			network connect mike box
			network connect alpha box
			stop box`,
		Want: "zulu mike alpha",
	}, {
		// Its number is given at create, as that of each other network at its connect.
		Name:     "explicit numbers decide, whatever the order of the connects",
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"alpha"},"NetworkingConfig":{"EndpointsConfig":{"alpha":{"DriverOpts":{"{seq}":"4"}}}}}
			POST /networks/kilo/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"3"}}}
			POST /networks/zulu/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"1"}}}
			POST /networks/mike/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"2"}}}`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "explicit number comes before the same automatic one",
		Networks: "kilo \n mike \n zulu \n alpha",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box
			POST /networks/kilo/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"2"}}}`,
		Want: "zulu kilo mike alpha",
	}, {
		Name:     "network that is attached without a number comes behind explicit ones",
		Networks: "mike \n bravo \n zulu \n alpha",
		Script: `
			create --name box --network zulu idle
			POST /networks/mike/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"9"}}}
			start box
			network connect alpha box
			stop box
			network connect bravo box`,
		Want: "zulu mike alpha bravo",
	}, {
		Name:     "several networks in one request come up by their explicit numbers",
		Since:    25,
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /v1.44/containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"alpha"},"NetworkingConfig":{"EndpointsConfig":{"zulu":{"DriverOpts":{"{seq}":"1"}},"mike":{"DriverOpts":{"{seq}":"2"}},"kilo":{"DriverOpts":{"{seq}":"3"}},"alpha":{"DriverOpts":{"{seq}":"4"}}}}}`,
		Want: "zulu mike kilo alpha",
	},
}
