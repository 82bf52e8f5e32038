import { type Bytes, encodeUtf8 } from '../core/bytes.ts'

/** The dictionary that seals now. A change of its text is a new version; every old one opens for good. */
export const CURRENT_DICTIONARY = 1

/**
 * What tokens of many providers have in common, the most frequent last: the compressor reaches that with the
 * fewest bits. `undefined` for a version that this library does not know.
 *
 * @see RFC 1951
 */
export function dictionaryOf(version: number): Bytes | undefined {
  return DICTIONARIES[version - 1]
}

const FIRST: readonly string[] = [
  // Organisations, resources and what services call themselves.
  '"organization":"org_","org_id":"org_","org_name":"","permissions":["read:","write:","create:","update:","delete:","manage:',
  '"https://api.example.com/","https://app.example.com/","https://example.com/roles":["admin","user","editor","viewer"]',
  '"gty":"client-credentials","gty":"password","https://.eu.auth0.com/api/v2/","https://.us.auth0.com/userinfo"],',
  '"groups":["/admins","/users","/staff"],"wids":["b79fbf4d-3ef9-4689-8143-76b194e85509"],"hasgroups":true,',
  '"app_displayname":"","idtyp":"user","acct":0,"acrs":["p1"],"aio":"A","amr":["pwd","mfa","rsa","otp"],"appidacr":"1",',
  '"deviceid":"","family_name":"","given_name":"","ipaddr":"10.0.0.1","oid":"","onprem_sid":"S-1-5-21-","platf":"3","puid":"1003',
  '"rh":"0.A","signin_state":["kmsi","dvc_mngd","dvc_cmp"],"tenant_region_scope":"EU","unique_name":"","upn":"","uti":"",',
  '"xms_cc":["CP1"],"xms_ftd":"","xms_idrel":"1 ","xms_st":{"sub":""},"xms_tcdt":1,"xms_tdbr":"EU","ctry":"DE","tenant_ctry":"DE",',
  '"azpacr":"1","scp":"User.Read Files.ReadWrite Mail.Read Calendars.Read openid profile email offline_access","ver":"1.0","ver":"2.0"}',
  '"aud":"00000003-0000-0000-c000-000000000000","iss":"https://sts.windows.net/","iss":"https://login.microsoftonline.com//v2.0",',
  '"login_hint":"O.","roles":["Admin","User.Read.All","Directory.Read.All","Reader","Writer"],"tid":"","verified_primary_email":["',
  '"iss":"https://accounts.google.com","hd":"","azp":".apps.googleusercontent.com","aud":".apps.googleusercontent.com","sub":"1',
  '"picture":"https://lh3.googleusercontent.com/a/ACg8oc=s96-c","profile":"https://plus.google.com/","website":"",',
  '"picture":"https://s.gravatar.com/avatar/?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F.png",',
  // Keycloak.
  '"allowed-origins":["http://localhost:8080","http://localhost:3000","https://"],"trusted-certs":[],"authorization":{"permissions":[',
  '"realm_access":{"roles":["default-roles-","offline_access","uma_authorization","user","admin"]},"resource_access":{"',
  '"realm-management":{"roles":["view-realm","manage-users","view-users","query-groups","query-users"]},',
  '"account":{"roles":["manage-account","manage-account-links","view-profile"]}},"session_state":"","iss":"https://id.example/realms/',
  '"address":{},"middle_name":"","zoneinfo":"Europe/Berlin","birthdate":"","gender":"","phone_number":"+49","phone_number_verified":false,',
  // What OpenID Connect names.
  '"cnf":{"jkt":""},"cnf":{"x5t#S256":""},"act":{"sub":""},"may_act":{},"tenant_id":"","tenant":"","department":"","company":"",',
  '"username":"","user_id":"","user_name":"","role":"","roles":[],"groups":[],"entitlements":[],"features":[],"metadata":{"',
  '"locale":"en-GB","locale":"de","locale":"en","updated_at":"2026-01-01T00:00:00.000Z","nickname":"","name":"',
  '@example.com","email_verified":false,"@gmail.com","email_verified":true,"preferred_username":"","email":"',
  '"given_name":"","family_name":"',
  '"token_use":"access","typ":"Bearer","typ":"ID","acr":"0","acr":"1","acr":"urn:mace:incommon:iap:silver","c_hash":"","s_hash":"","amr":["',
  '"scope":"openid profile email offline_access","scope":"openid email profile","scope":"openid profile","client_id":"',
  '"azp":"account","azp":"","jti":"onrtac:","jti":"","sid":"","at_hash":"","auth_time":1790000000,"auth_time":17',
  // Headers, and what every claims set begins and ends with.
  '{"alg":"EdDSA","typ":"JWT","kid":"{"typ":"at+jwt","alg":"RS256","kid":"","x5t":"","nonce":"{"alg":"PS256","kid":"{"alg":"HS256","typ":"JWT"}',
  '{"alg":"ES256","typ":"JWT","kid":"{"typ":"JWT","alg":"RS256","kid":"{"alg":"RS256","kid":"","typ":"JWT"}{"alg":"RS256","typ" : "JWT","kid" : "',
  '{"alg":"RS256","typ":"JWT","kid":"',
  '"}{"iss":"https://","sub":"auth0|","sub":"google-oauth2|","aud":["https://","https://","aud":"account","iat":17,"nbf":17,"exp":17,',
  '"nonce":"","sid":"","exp":179,"iat":179,"auth_time":179,"jti":"","iss":"https://","aud":"","sub":"","typ":"',
]

const DICTIONARIES: readonly Bytes[] = [encodeUtf8(FIRST.join(''))]
