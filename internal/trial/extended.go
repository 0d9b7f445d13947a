package trial

// Uses returns what users do with networks beside attaching them, as far as an engine
// can do it, by the first number of its release.
func Uses(major int) []Scenario { return since(uses, major) }

var uses = []Scenario{
	{
		// The engine gets them as a map.
		Name:     "several networks in one request come up in the order of their names behind the first",
		Since:    25,
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /v1.44/containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"zulu"},"NetworkingConfig":{"EndpointsConfig":{"mike":{},"zulu":{},"kilo":{},"alpha":{}}}}`,
		Want: "zulu alpha kilo mike",
	}, {
		Name:     "user's network first, then the default bridge, then others",
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			create --name box --network zulu idle
			network connect bridge box
			network connect mike box
			network connect alpha box
			network connect kilo box`,
		Want: "zulu bridge mike alpha kilo",
	}, {
		Name:     "legacy link on the default bridge works beside other networks",
		Networks: "mike \n zulu \n alpha",
		Script: `
			run --detach --name peer idle listen 80
			create --name box --link peer:friend idle
			network connect zulu box
			network connect mike box
			network connect alpha box`,
		Want: "bridge zulu mike alpha",
		Same: "exec box /idle get friend:80",
	}, {
		Name: "static addresses are kept",
		Networks: `
			--subnet 10.91.2.0/24 alpha
			--ipv6 --subnet 10.91.3.0/24 --subnet fd00:91:3::/64 zulu
			--subnet 10.91.4.0/24 mike`,
		Script: `
			create --name box --network zulu --ip 10.91.3.9 --ip6 fd00:91:3::9 --mac-address 02:42:0a:5b:03:09 idle
			network connect --ip 10.91.4.9 mike box
			network connect --ip 10.91.2.9 alpha box`,
		Want: "zulu mike alpha",
		Same: `
			inspect --format {{range.NetworkSettings.Networks}}{{.IPAddress}}/{{.GlobalIPv6Address}}/{{.Gateway}}/{{end}} box
			inspect --format {{.NetworkSettings.Networks.zulu.MacAddress}} box`,
	}, {
		Name: "dual-stack networks and those of IPv4 only are mixed",
		Networks: `
			mike
			--ipv6 --subnet 10.92.1.0/24 --subnet fd00:92:1::/64 alpha
			--ipv6 --subnet 10.92.2.0/24 --subnet fd00:92:2::/64 zulu
			kilo`,
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box
			network connect kilo box`,
		Want: "zulu mike alpha kilo",
	}, {
		Name:  "networks of IPv6 only, of IPv4 only and of both are mixed",
		Since: 28,
		Networks: `
			mike
			--ipv6 --subnet 10.93.2.0/24 --subnet fd00:93:2::/64 alpha`,
		Script: `
			POST /v1.48/networks/create {"Name":"zulu","EnableIPv4":false,"EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"fd00:93:1::/64"}]}}
			POST /v1.48/networks/create {"Name":"kilo","EnableIPv4":false,"EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"fd00:93:3::/64"}]}}
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "several internal networks come up before a bridge",
		Networks: "kilo \n --internal alpha \n --internal mike \n --internal zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box
			network connect kilo box`,
		Want: "zulu mike alpha kilo",
	}, {
		Name:     "internal networks come up alone",
		Networks: "--internal alpha \n --internal mike \n --internal zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box`,
		Want: "zulu mike alpha",
	}, {
		Name:     "macvlan comes up before bridges",
		Parent:   true,
		Networks: "alpha \n mike \n --driver macvlan --opt parent=parent --subnet 10.94.1.0/24 zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect alpha box`,
		Want: "zulu mike alpha",
	}, {
		Name:     "ipvlan comes up between bridges",
		Since:    19, // before, it is an experiment
		Parent:   true,
		Networks: "alpha \n mike \n kilo \n --driver ipvlan --opt parent=parent --subnet 10.94.2.0/24 zulu",
		Script: `
			create --name box --network mike idle
			network connect zulu box
			network connect alpha box
			network connect kilo box`,
		Want: "mike zulu alpha kilo",
	}, {
		Name:     "none and host are refused",
		Networks: "alpha \n mike \n zulu",
		Script: `
			create --name box --network zulu idle
			! network connect none box
			network connect mike box
			! network connect host box
			start box
			! network connect none box
			! network connect host box
			stop box
			network connect alpha box`,
		Want: "zulu mike alpha",
	}, {
		Name:     "network that was removed and made again keeps its place",
		Networks: "alpha \n kilo \n mike \n zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box
			start box
			stop box
			network rm mike
			network create mike`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "renamed container keeps the order",
		Networks: "alpha \n kilo \n mike \n zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			rename box crate
			network connect kilo crate
			start crate
			network connect alpha crate
			rename crate box
			stop box`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "network with a prefix of its own for interface names takes no number from others",
		Since:    19,
		Networks: "alpha \n kilo \n mike \n --opt com.docker.network.container_iface_prefix=lan zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box`,
		Want: "mike kilo alpha lan0=zulu",
	}, {
		Name:     "port is published where the bridge is not eth0",
		Networks: "alpha \n mike \n --internal zulu",
		Script: `
			create --name box --network zulu --publish 8080:80 idle listen 80
			network connect mike box
			network connect alpha box`,
		Want: "zulu mike alpha",
		Same: "lab get 172.17.0.1:8080",
	}, {
		Name: "names are found as before",
		Networks: `
			--subnet 10.95.1.0/24 alpha
			--subnet 10.95.2.0/24 mike
			--subnet 10.95.3.0/24 zulu`,
		Script: `
			run --detach --name peer --network mike --ip 10.95.2.8 idle
			create --name box --hostname box --network zulu --ip 10.95.3.9 idle
			network connect --ip 10.95.2.9 --alias case mike box
			network connect --ip 10.95.1.9 alpha box`,
		Want: "zulu mike alpha",
		Same: `
			exec box /idle cat /etc/hosts
			exec box /idle lookup peer
			exec box /idle lookup case
			exec box /idle lookup box
			exec peer /idle lookup case`,
	}, {
		Name:     "restart policy keeps the order",
		Networks: "alpha \n kilo \n mike \n zulu",
		Script: `
			create --name box --restart always --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box`,
		Again: "crash",
		Want:  "zulu mike kilo alpha",
	}, {
		Name:     "docker restart keeps the order",
		Networks: "alpha \n kilo \n mike \n zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box`,
		Again: "restart box",
		Want:  "zulu mike kilo alpha",
	}, {
		Name:     "paused container keeps the order, also of a network connected meanwhile",
		Networks: "alpha \n kilo \n mike \n zulu",
		Script: `
			create --name box --network zulu idle
			network connect mike box
			start box
			pause box
			network connect kilo box
			unpause box
			network connect alpha box
			stop box`,
		Again: "pause box \n unpause box \n restart box",
		Want:  "zulu mike kilo alpha",
	}, {
		Name:     "container with a health check becomes healthy and keeps the order",
		Networks: "alpha \n kilo \n mike \n zulu",
		Script: `
			create --name box --health-cmd true --health-interval 1s --network zulu idle
			network connect mike box
			network connect kilo box
			network connect alpha box`,
		Again: "await healthy \n restart box",
		Want:  "zulu mike kilo alpha",
		Same:  "await healthy",
	}, {
		Name:     "one explicit number in a request comes before the network mode",
		Since:    25,
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /v1.44/containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"alpha"},"NetworkingConfig":{"EndpointsConfig":{"zulu":{"DriverOpts":{"{seq}":"1"}},"mike":{},"kilo":{},"alpha":{}}}}`,
		Want: "zulu alpha kilo mike",
	}, {
		Name:     "two explicit numbers in a request come before the network mode",
		Since:    25,
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /v1.44/containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"alpha"},"NetworkingConfig":{"EndpointsConfig":{"zulu":{"DriverOpts":{"{seq}":"1"}},"mike":{"DriverOpts":{"{seq}":"2"}},"kilo":{},"alpha":{}}}}`,
		Want: "zulu mike alpha kilo",
	}, {
		Name:     "high explicit number in a request comes last, until another network is connected",
		Since:    25,
		Networks: "mike \n kilo \n zulu \n alpha \n bravo",
		Script: `
			POST /v1.44/containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"zulu"},"NetworkingConfig":{"EndpointsConfig":{"zulu":{},"mike":{},"kilo":{},"alpha":{"DriverOpts":{"{seq}":"9"}}}}}
			network connect bravo box`,
		Want: "zulu kilo mike alpha bravo",
	}, {
		Name:     "networks given by id in one request come up by name behind the network mode",
		Since:    25,
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /v1.44/containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"{id:zulu}"},"NetworkingConfig":{"EndpointsConfig":{"{id:mike}":{},"{id:zulu}":{},"{id:kilo}":{},"{id:alpha}":{}}}}`,
		Want: "zulu alpha kilo mike",
	}, {
		// As watchtower and Portainer do, with the settings that inspect shows.
		Name:     "container that is made again from its settings keeps explicit numbers",
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"zulu"},"NetworkingConfig":{"EndpointsConfig":{"kilo":{"DriverOpts":{"{seq}":"3"}}}}}
			network disconnect --force kilo box
			POST /networks/alpha/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"4"}}}
			POST /networks/zulu/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"1"}}}
			POST /networks/kilo/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"3"}}}
			POST /networks/mike/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"2"}}}`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "networks that are all disconnected and connected again keep explicit numbers",
		Networks: "mike \n kilo \n zulu \n alpha",
		Script: `
			POST /containers/create?name=box {"Image":"idle","HostConfig":{"NetworkMode":"zulu"},"NetworkingConfig":{"EndpointsConfig":{"zulu":{"DriverOpts":{"{seq}":"1"}}}}}
			POST /networks/alpha/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"4"}}}
			POST /networks/kilo/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"3"}}}
			POST /networks/mike/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"2"}}}
			start box
			stop box
			network disconnect kilo box
			network disconnect alpha box
			network disconnect zulu box
			network disconnect mike box
			POST /networks/alpha/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"4"}}}
			POST /networks/kilo/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"3"}}}
			POST /networks/zulu/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"1"}}}
			POST /networks/mike/connect {"Container":"box","EndpointConfig":{"DriverOpts":{"{seq}":"2"}}}`,
		Want: "zulu mike kilo alpha",
	}, {
		Name:     "own name is found at the first network after a hot connect",
		Networks: "--subnet 10.96.1.0/24 alpha \n --subnet 10.96.2.0/24 zulu",
		Script: `
			create --name box --hostname box --network zulu --ip 10.96.2.9 idle
			start box
			network connect --ip 10.96.1.9 alpha box`,
		Again: "network disconnect alpha box \n restart box \n network connect --ip 10.96.1.9 alpha box",
		Want:  "zulu alpha",
		Same:  "exec box /idle own",
	}, {
		Name:     "setting of the kernel for eth1 reaches the network that was attached second",
		Networks: "alpha \n kilo \n mike \n zulu",
		Until:    25,
		Script: `
			create --name box --sysctl net.ipv4.conf.eth1.rp_filter=2 --network zulu idle
			network connect mike box
			network connect alpha box
			network connect kilo box`,
		Want: "zulu mike alpha kilo",
		Same: "exec box /idle cat /proc/sys/net/ipv4/conf/eth1/rp_filter",
	},
}
