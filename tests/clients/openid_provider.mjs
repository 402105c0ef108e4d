// A real OpenID provider for tests: node openid_provider.mjs PORT REDIRECT_URI CLAIMS_FILE
// Whoever signs in as NAME, with any password, has the claims that the file says of NAME.  PKCE is required.
import { readFileSync } from 'node:fs'
import Provider from 'oidc-provider'

const [port, redirectUri, claimsFile] = process.argv.slice(2)
const claimsOf = (name) => JSON.parse(readFileSync(claimsFile, 'utf8'))[name] ?? {}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'uptake', client_secret: 'a secret of the client', redirect_uris: [redirectUri] }],
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  findAccount: (_context, name) => ({ accountId: name, claims: () => ({ sub: name, ...claimsOf(name) }) }),
  cookies: { keys: ['a key of the test'] },
})
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
