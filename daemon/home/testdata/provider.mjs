// A real OpenID provider for a test: npm's oidc-provider with its own pages.
// Arguments: the directory of oidc-provider, the callback address that it allows.
import { pathToFileURL } from 'node:url'
import { createServer } from 'node:http'

const [, , modules, callback] = process.argv
const { default: Provider } = await import(pathToFileURL(`${modules}/lib/index.js`))
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'abs', client_secret: 'sek', redirect_uris: [callback], grant_types: ['authorization_code'],
      response_types: ['code'], token_endpoint_auth_method: 'client_secret_basic' }],
    routes: { authorization: '/authorize', token: '/token', userinfo: '/userinfo', jwks: '/jwks', end_session: '/logout' },
    claims: { openid: ['sub'], profile: ['preferred_username', 'name'], email: ['email'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `id-${id}`, preferred_username: id, name: id }) }),
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['only for a test'] },
  })
  server.on('request', provider.callback())
  console.log(issuer)
})
