#!/usr/bin/env bash
# Signs in, streams and joins the live socket through every gateway that is installed, in
# front of a real Audiobookshelf with at least one book, and prints what a user types and
# sees, for docs/gateways.md:
#
#   docs/gateways-transcript.sh http://127.0.0.1:13378 USER < password.txt
#
# shelfkeeper, nginx, caddy, haproxy, apache2, oauth2-proxy and traefik are taken from
# PATH; what is not there is left out. Each gateway wants something else. It needs openssl
# and curl, listens on this machine only, and leaves nothing behind.
set -euo pipefail
server=${1:?the address of an Audiobookshelf} user=${2:?a user of it} password=$(cat)
upstream=${server#*://}
dir=$(mktemp -d) gateway= daemon=
export PATH="$PATH:/usr/sbin"
stop() {
	for pid in $daemon $gateway; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
	daemon= gateway=
}
trap 'stop; rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"
mkdir -p run home
export HOME=$dir/home XDG_RUNTIME_DIR=$dir/run XDG_CONFIG_HOME=$dir/home/config XDG_STATE_HOME=$dir/home/state XDG_DATA_HOME=$dir/home/data
export SHELFKEEPER_PASSPHRASE=transcript
chmod 700 run
unset DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY

# An authority, the gateway's certificate and one of ours.
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Home CA'
	for who in server client; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key -out $who.csr -subj /CN=$who
		openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out $who.pem \
			-extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1')
	done
	cat server.pem server.key > both.pem
	chmod 644 ./*.key both.pem
} >openssl.log 2>&1
printf 'ann:%s\n' "$(openssl passwd -apr1 gatepass)" > htpasswd

port=24430
begin() { # name, command...
	echo; echo "### $1"; echo
	shift
	"$@" > gateway.log 2>&1 &
	gateway=$!
	for _ in $(seq 100); do
		curl -s -k -o probe.out "https://localhost:$port/" --cert client.pem --key client.key && return 0
		kill -0 $gateway 2>/dev/null || break
		sleep 0.1
	done
	echo "it does not start:"; cat gateway.log; exit 1
}
# show prints the command line as a user types it, then what runs. What only a script needs,
# a password on standard input and a sealed file, is left out of both.
show() {
	printf '$ %s\n' "$1"
	shift
	"$@" 2>&1 | sed -e "s#$dir/##g; s/sk_[A-Za-z0-9_-]*/sk_…/; /^Signing in …/d; /^Looking for/d" \
		-e 's/ --password-stdin//; s/ --store file//; s/ --username / -u /' || true
}
# through signs in with these flags, and plays.
through() {
	local secrets=$1 name=$2; shift 2
	local url=https://localhost:$port
	rm -rf home/* run/*; mkdir -p home/config/shelfkeeper
	printf 'listen = 24379\npage_port = 24380\n' > home/config/shelfkeeper/config.toml
	echo '```'
	show "shelfkeeper login $url -u $user --ca ca.pem" sh -c "printf '%s' '$password' | shelfkeeper login $url -u $user --password-stdin --ca ca.pem --store file"
	if [ $# -gt 0 ]; then
		show "shelfkeeper login $url -u $user --ca ca.pem $*" sh -c "printf '%s%s' '$secrets' '$password' | shelfkeeper login $url -u $user --password-stdin --ca ca.pem --store file $*$([ -z "$secrets" ] || echo ' --stdin')"
	fi
	shelfkeeper run --no-tray > daemon.log 2>&1 &
	daemon=$!
	local at=http://127.0.0.1:24379 library item ino
	for _ in $(seq 100); do curl -s -o probe.out $at/ping && break; sleep 0.1; done
	library=$(curl -s $at/api/libraries | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)
	item=$(curl -s "$at/api/libraries/$library/items?limit=1" | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)
	ino=$(curl -s "$at/api/items/$item?expanded=1" | grep -o '"ino":"[0-9]*","metadata":{"filename":"[^"]*.mp3"' | head -1 | cut -d'"' -f4)
	show "curl -s -D - -o part -r 0-99999 $at/api/items/${item:0:8}…/file/$ino" sh -c \
		"curl -s -D - -o part -r 0-99999 $at/api/items/$item/file/$ino | tr -d '\r' | grep -iE '^(HTTP|content-range|server):?' ; wc -c < part"
	shelfkeeper reauth > reauth.log 2>&1 || cat reauth.log
	for _ in $(seq 50); do shelfkeeper status | grep -q 'socket    authenticated' && break; sleep 0.2; done
	show "shelfkeeper status | grep -E 'session|socket'" sh -c "shelfkeeper status | grep -E '^  (session|socket)'"
	echo '```'
	stop
}
has() { command -v "$1" > found.out; }

if has nginx; then
	cat > nginx.conf <<-C
		daemon off; master_process off; pid $dir/nginx.pid; error_log $dir/error.log;
		$([ "$(id -u)" = 0 ] && echo 'user root;')
		events {}
		http {
			access_log off;
			client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
			map \$http_upgrade \$connection_upgrade { default upgrade; '' close; }
			server {
				listen 127.0.0.1:$port ssl http2;
				ssl_certificate $dir/server.pem; ssl_certificate_key $dir/server.key;
				ssl_client_certificate $dir/ca.pem; ssl_verify_client on;
				location / {
					proxy_pass $server; proxy_http_version 1.1;
					proxy_set_header Host \$http_host;
					proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection \$connection_upgrade;
				}
			}
		}
	C
	begin "nginx, which asks for a client certificate" nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"
	through '' nginx --client-cert client.pem --client-key client.key
fi
port=24431
if has caddy; then
	cat > Caddyfile <<-C
		{
			admin off
			auto_https off
			storage file_system $dir/caddy
		}
		https://localhost:$port {
			bind 127.0.0.1
			tls $dir/server.pem $dir/server.key
			basicauth {
				ann $(caddy hash-password --plaintext gatepass)
			}
			reverse_proxy $upstream
		}
	C
	begin "Caddy, which asks for a password" caddy run --adapter caddyfile --config Caddyfile
	through $'gatepass\n' caddy --basic ann --token-in-url
fi
port=24432
if has haproxy; then
	cat > haproxy.cfg <<-C
		defaults
			mode http
			timeout connect 5s
			timeout client 60s
			timeout server 60s
			timeout tunnel 1h
		frontend front
			bind 127.0.0.1:$port ssl crt $dir/both.pem alpn h2,http/1.1
			http-request deny deny_status 403 unless { req.hdr(X-Gate) hush }
			default_backend abs
		backend abs
			server abs $upstream
	C
	begin "HAProxy, which asks for a header" haproxy -db -f haproxy.cfg
	through $'hush\n' haproxy --header X-Gate
fi
port=24433
if has apache2; then
	{
		for m in mpm_event authn_core authn_file authz_core authz_user auth_basic proxy proxy_http proxy_wstunnel ssl http2 rewrite; do
			echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"
		done
		cat <<-C
			ServerName localhost
			PidFile $dir/apache.pid
			DefaultRuntimeDir $dir
			ErrorLog $dir/error.log
			$([ "$(id -u)" = 0 ] && printf 'User www-data\nGroup www-data')
			ProxyPreserveHost on
			Listen 127.0.0.1:$port
			<VirtualHost 127.0.0.1:$port>
				Protocols h2 http/1.1
				SSLEngine on
				SSLCertificateFile $dir/server.pem
				SSLCertificateKeyFile $dir/server.key
				RewriteEngine on
				RewriteCond %{HTTP:Upgrade} =websocket [NC]
				RewriteRule ^/(.*) ws://$upstream/\$1 [P,L]
				ProxyPass / http://$upstream/
				ProxyPassReverse / http://$upstream/
				<Location />
					AuthType Basic
					AuthName gate
					AuthUserFile $dir/htpasswd
					Require valid-user
				</Location>
			</VirtualHost>
		C
	} > apache.conf
	begin "Apache, which asks for a password" apache2 -d "$dir" -f "$dir/apache.conf" -DFOREGROUND
	through $'gatepass\n' apache --basic ann --token-in-url
fi
port=24434
if has traefik; then
	cat > traefik.yml <<-C
		http:
		  routers:
		    abs: { rule: "Host(\`localhost\`)", service: abs, tls: {}, middlewares: [gate], entryPoints: [web] }
		  middlewares:
		    gate: { basicAuth: { users: ["$(tr -d '\n' < htpasswd)"] } }
		  services:
		    abs: { loadBalancer: { servers: [ { url: "$server" } ] } }
		tls:
		  certificates: [ { certFile: $dir/server.pem, keyFile: $dir/server.key } ]
	C
	begin "Traefik, which asks for a password" traefik --providers.file.filename="$dir/traefik.yml" --entrypoints.web.address=127.0.0.1:$port \
		--global.checknewversion=false --global.sendanonymoususage=false
	through $'gatepass\n' traefik --basic ann --token-in-url
fi
port=24435
if has oauth2-proxy; then
	common=(--provider=github --client-id=none --client-secret=none --cookie-secret=0123456789abcdef0123456789abcdef --email-domain='*'
		--upstream="$server" --https-address=127.0.0.1:$port --http-address= --tls-cert-file=server.pem --tls-key-file=server.key)
	begin "oauth2-proxy, which blocks everything" oauth2-proxy "${common[@]}"
	echo '```'
	show "shelfkeeper login https://localhost:$port -u $user --ca ca.pem" sh -c "printf '%s' '$password' | shelfkeeper login https://localhost:$port -u $user --password-stdin --ca ca.pem --store file"
	echo '```'
	stop
	begin "oauth2-proxy, with --skip-auth-route" oauth2-proxy "${common[@]}" --skip-auth-route='^/(status|api|auth|login|logout|socket\.io)'
	through '' oauth2-proxy
fi
