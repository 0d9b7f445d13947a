package trial

var composeStacks = []composeStack{
	{
		name: "four services with a priority for each of their four networks",
		file: `
services:
  router:
    image: idle
    container_name: router-box
    networks:
      lan: {priority: 300}
      dmz: {priority: 200}
      admin: {priority: 100}
      wan: {priority: 400}
  proxy:
    image: idle
    container_name: proxy-box
    networks:
      lan: {priority: 20}
      dmz: {priority: 40}
      admin: {priority: 10}
      wan: {priority: 30}
  app:
    image: idle
    container_name: app-box
    depends_on: [store]
    networks:
      lan: {priority: 4}
      dmz: {priority: 1}
      admin: {priority: 2}
      wan: {priority: 3}
  store:
    image: idle
    container_name: store-box
    networks:
      lan: {priority: 7}
      dmz: {priority: 6}
      admin: {priority: 8}
      wan: {priority: 5}
networks:
  lan: {name: lan, ipam: {config: [{subnet: 10.96.1.0/24}]}}
  dmz: {name: dmz, ipam: {config: [{subnet: 10.96.2.0/24}]}}
  admin: {name: admin, ipam: {config: [{subnet: 10.96.3.0/24}]}}
  wan: {name: wan, ipam: {config: [{subnet: 10.96.4.0/24}]}}
`,
		services: []composeService{
			{"router", "wan lan dmz admin"},
			{"proxy", "dmz wan lan admin"},
			{"app", "lan wan admin dmz"},
			{"store", "admin lan dmz wan"},
		},
	}, {
		name: "four services with static addresses, an internal network and a published port: without any priority by name, else those without it as the file lists them",
		file: `
services:
  edge:
    image: idle
    container_name: edge-box
    command: [listen, "80"]
    ports: ["8080:80"]
    networks:
      wan: {ipv4_address: 10.97.4.11, priority: 1}
      lan: {ipv4_address: 10.97.1.11}
      dmz: {ipv4_address: 10.97.2.11}
      admin: {ipv4_address: 10.97.3.11}
  web:
    image: idle
    container_name: web-box
    depends_on: [edge]
    networks:
      dmz: {ipv4_address: 10.97.2.12, priority: 1}
      wan: {ipv4_address: 10.97.4.12}
      admin: {ipv4_address: 10.97.3.12}
      lan: {ipv4_address: 10.97.1.12}
  mail:
    image: idle
    container_name: mail-box
    networks:
      lan: {ipv4_address: 10.97.1.13}
      wan: {ipv4_address: 10.97.4.13, priority: 1000}
      dmz: {ipv4_address: 10.97.2.13}
      admin: {ipv4_address: 10.97.3.13}
  backup:
    image: idle
    container_name: backup-box
    networks:
      admin: {ipv4_address: 10.97.3.14}
      lan: {ipv4_address: 10.97.1.14}
      wan: {ipv4_address: 10.97.4.14}
      dmz: {ipv4_address: 10.97.2.14}
networks:
  lan: {name: lan, ipam: {config: [{subnet: 10.97.1.0/24}]}}
  dmz: {name: dmz, ipam: {config: [{subnet: 10.97.2.0/24}]}}
  admin: {name: admin, internal: true, ipam: {config: [{subnet: 10.97.3.0/24}]}}
  wan: {name: wan, ipam: {config: [{subnet: 10.97.4.0/24}]}}
`,
		services: []composeService{
			{"edge", "wan lan dmz admin"},
			{"web", "dmz wan admin lan"},
			{"mail", "wan lan dmz admin"},
			{"backup", "admin dmz lan wan"},
		},
	},
}
