/* SPDX-License-Identifier: MIT */
/*
 * diagnosis-oauth.c - what authorization servers say, at the token endpoint, on their pages and in
 * the redirect. Microsoft's numbers first, then Google's texts, then the `error` values alone.
 *
 * For people only: what our programs do depends on `error` and the HTTP status
 * (oauth/token-answer.c).
 */
#include "common/diagnosis-tables.h"

#include "common/banned.h"

#define ENTRA	       "Microsoft's list of Entra error codes, 2026"
#define ENTRA_TOKENS   "Microsoft's documentation of refresh tokens, 2026"
#define ENTRA_REDIRECT "Microsoft's documentation of redirect URIs, 2026"
#define ENTRA_DEVICE   "Microsoft's documentation of the device flow, 2026"
#define ENTRA_ACCESS   "Microsoft's documentation of Conditional Access, 2026"
#define GOOGLE	       "Google's documentation of OAuth for desktop apps, 2026"
#define BY_USERS       "reports of users, not documented by the provider"
#define RFC6749	       "RFC 6749"
#define RFC8628	       "RFC 8628"

#define AGAIN "mailoauth authorize ACCOUNT"

/* clang-format off */
static const struct diagnosis rows[] = {
	/* Microsoft: the refresh token is over */
	{
		.id = "oauth-refresh-unused",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS700082|AADSTS70008",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the refresh token was not used for 90 days, or was withdrawn",
		.causes = "no program has used the account for 90 days: mailoauthd was stopped, or the grant came from an old backup",
		.steps = AGAIN "\nlet mailoauthd run: it refreshes idle accounts in time",
		.source = ENTRA "; " ENTRA_TOKENS,
		.example = "invalid_grant: AADSTS700082: The refresh token has expired due to inactivity.\nAADSTS70008: The provided authorization code or refresh token has expired due to inactivity.",
	},
	{
		.id = "oauth-sessions-revoked",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50173|AADSTS50133|AADSTS50132",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the password was changed, or an administrator revoked the sessions",
		.steps = AGAIN "\nso that a password does not matter: a registration with a secret or certificate, or app-only",
		.source = ENTRA "; " ENTRA_TOKENS,
		.example = "invalid_grant: AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed.",
	},
	{
		.id = "oauth-sign-in-frequency",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS70043",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the organization wants people to sign in again after some hours (sign-in frequency)",
		.remedy = "authorize again; have the account exempted from sign-in frequency, or go app-only",
		.causes = "Conditional Access, sign-in frequency: the grant always ends after that time, 12 hours for example",
		.steps = "an Entra administrator exempts the account or the application from the policy\n"
			 "or app-only, which nobody signs in for: mailoauth explain app-only\n"
			 "until then: " AGAIN,
		.source = ENTRA,
		.example = "invalid_grant: AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
	},
	{
		.id = "oauth-single-page",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS700084",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONSENT,
		.meaning = "the redirect is registered as \"Single-page application\": those grants end after 24 hours",
		.remedy = "register it as \"Mobile and desktop applications\", then authorize again",
		.steps = "entra.microsoft.com, App registrations, Authentication: remove the single-page platform\n"
			 "add \"Mobile and desktop applications\" with http://localhost\n" AGAIN,
		.source = ENTRA "; " ENTRA_TOKENS,
		.example = "invalid_grant: AADSTS700084: The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended.",
	},
	{
		.id = "oauth-code-used",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS54005|AADSTS70000",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the code or refresh token is not good, or was used already",
		.causes = "the browser's page was loaded twice, or the same URL pasted twice\n"
			  "the refresh token is another application's, or an old one from a backup",
		.steps = AGAIN,
		.source = ENTRA,
		.example = "invalid_grant: AADSTS54005: OAuth2 Authorization code was already redeemed, please retry with a new valid code\nAADSTS70000: Provided grant is invalid or malformed.",
	},
	/* Microsoft: a person, a policy */
	{
		.id = "oauth-mfa",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50076|AADSTS50079|AADSTS50072|AADSTS50074|AADSTS50078",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the organization wants a second factor",
		.remedy = "authorize again, with the second factor",
		.steps = AGAIN "\nif it comes back often: a policy asks for it anew; an Entra administrator exempts the account, or go app-only",
		.source = ENTRA,
		.example = "invalid_grant: AADSTS50076: Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access",
	},
	{
		.id = "oauth-policy-blocks",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS53003|AADSTS53000|AADSTS530032|AADSTS530035|AADSTS50097|AADSTS50131",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "a policy of the organization (Conditional Access, security defaults) forbids this",
		.remedy = "an Entra administrator looks at the sign-in log; use the code flow, not the device flow",
		.causes = "the device flow is blocked, or what was once granted by it\n"
			  "the policy wants a device that the organization manages, or another place",
		.steps = "entra.microsoft.com, Sign-in logs, the failed login, Conditional Access: it names the policy\n"
			 "sign in with the code flow on a managed machine: mailoauth authorize ACCOUNT --flow code --request\n"
			 "or app-only: mailoauth explain app-only",
		.source = ENTRA "; " ENTRA_ACCESS,
		.example = "access_denied: AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.\nAADSTS530035: Access has been blocked by security defaults.",
	},
	{
		.id = "oauth-consent-missing",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS65001|AADSTS65004|AADSTS90094|AADSTS90095|AADSTS90093",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONSENT,
		.meaning = "nobody has consented to what the application asks for",
		.remedy = "sign in and accept, or have an administrator grant consent",
		.causes = "the person did not accept, or may not (the organization wants an administrator's consent)\n"
			  "scope names something that was not consented to before",
		.steps = "an administrator: entra.microsoft.com, App registrations, API permissions, Grant admin consent\n" AGAIN
			 "\nmore: mailoauth explain consent",
		.source = ENTRA,
		.example = "invalid_grant: AADSTS65001: The user or administrator has not consented to use the application with ID\nconsent_required: AADSTS90094: The grant requires administrator permission.",
	},
	{
		.id = "oauth-user-trouble",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50034|AADSTS50057|AADSTS50053|AADSTS50055",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "the person's account is missing, disabled, locked, or its password is over",
		.remedy = "an Entra administrator mends the account, then authorize again",
		.causes = "50034: no such user in this tenant; 50057: disabled; 50053: locked; 50055: password expired",
		.steps = "is tenant right, and user spelt right? mailoauth status ACCOUNT\nan Entra administrator looks at the account, then: " AGAIN,
		.source = ENTRA,
		.example = "AADSTS50057: The user account is disabled.\nAADSTS50034: The user account does not exist in the directory.",
	},
	{
		.id = "oauth-not-assigned",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50105",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "the person is not assigned to the application",
		.remedy = "an Entra administrator assigns the person",
		.steps = "entra.microsoft.com, Enterprise applications, the application, Users and groups: add the person\n"
			 "or Properties, Assignment required: No",
		.source = ENTRA,
		.example = "AADSTS50105: Your administrator has configured the application to block users unless they are specifically granted access.",
	},
	/* Microsoft: scopes and resources */
	{
		.id = "oauth-scope-wrong",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS70011|AADSTS28000|AADSTS28002|AADSTS28003|AADSTS700022|AADSTS700023",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "scope is spelt wrong, or names more than one resource",
		.remedy = "take scope out of mailoauth.conf: the preset has the right one",
		.causes = "scopes of outlook.office.com and of graph.microsoft.com in one request\n"
			  ".default together with other scopes, or a scope that does not exist",
		.steps = "delete scope from the [account], then: mailoauth config check\nmore: mailoauth explain scopes",
		.source = ENTRA,
		.example = "invalid_scope: AADSTS70011: The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid.",
	},
	{
		.id = "oauth-resource-unknown",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS500011|AADSTS650052|AADSTS650056|AADSTS650057|AADSTS50001|AADSTS650053",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the tenant does not know the resource, or the registration does not list the permission",
		.remedy = "add the permission to the registration; is it the right tenant and cloud?",
		.causes = "the permission was never added to the registration\n"
			  "the tenant has no Exchange Online, or it is another cloud's",
		.steps = "entra.microsoft.com, App registrations, API permissions, Add a permission\n"
			 "delegated: Microsoft Graph, SMTP.Send, IMAP.AccessAsUser.All; app-only: Office 365 Exchange Online\n"
			 "more: mailoauth explain scopes",
		.source = ENTRA,
		.example = "invalid_resource: AADSTS500011: The resource principal named https://outlook.office.com was not found in the tenant\ninvalid_client: AADSTS650052: The app needs access to a service that your organization has not subscribed to or enabled.",
	},
	/* Microsoft: the client */
	{
		.id = "oauth-secret-wrong",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS7000215|AADSTS70002",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the client secret is wrong",
		.remedy = "make a new secret and copy its Value, not its Secret ID",
		.causes = "the secret's ID was copied instead of its value: the portal shows the value only right after creation\n"
			  "the secret is another application's, or was deleted",
		.steps = "entra.microsoft.com, App registrations, Certificates & secrets, New client secret: copy \"Value\"\n"
			 "put it into client_secret_file, then: systemctl reload mailoauthd",
		.source = ENTRA,
		.example = "invalid_client: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID",
	},
	{
		.id = "oauth-secret-expired",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS7000222",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the client secret is over",
		.remedy = "make a new one, or use a certificate",
		.steps = "entra.microsoft.com, App registrations, Certificates & secrets, New client secret: copy \"Value\"\n"
			 "put it into client_secret_file, its end into client_secret_expires, then: systemctl reload mailoauthd",
		.source = ENTRA,
		.example = "invalid_client: AADSTS7000222: The provided client secret keys for app are expired.",
	},
	{
		.id = "oauth-secret-missing",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS7000218",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the registration wants a secret, and none was sent",
		.remedy = "set \"Allow public client flows\" to Yes, or configure the secret",
		.causes = "the redirect is registered for the platform Web, or public client flows are not allowed",
		.steps = "entra.microsoft.com, App registrations, Authentication: Allow public client flows = Yes\n"
			 "and the redirect under \"Mobile and desktop applications\"\n"
			 "or set client_secret_file",
		.source = ENTRA,
		.example = "invalid_client: AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
	},
	{
		.id = "oauth-secret-unwanted",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS700025",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the registration is public, and a secret was sent",
		.remedy = "take the secret out of mailoauth.conf",
		.steps = "delete client_secret_file from the [account], then: systemctl reload mailoauthd",
		.source = ENTRA,
		.example = "invalid_client: AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
	},
	{
		.id = "oauth-assertion",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS700027|AADSTS700030|AADSTS50012|AADSTS50013|AADSTS500133|AADSTS700024",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the signed assertion is not taken: the certificate, or this machine's clock",
		.remedy = "upload the certificate of this key, and check the clock",
		.causes = "the certificate at Entra is not that of this key, or is over\nthis machine's clock is wrong",
		.steps = "compare the thumbprint at Certificates & secrets with: openssl x509 -in CERT -noout -fingerprint -sha256\ntimedatectl",
		.source = ENTRA,
		.example = "invalid_client: AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.",
	},
	{
		.id = "oauth-app-unknown",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS700016|AADSTS7000112|AADSTS70001|AADSTS700011",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the tenant does not know the application, or it is disabled",
		.remedy = "is client_id your own registration's, and tenant right?",
		.causes = "client_id was copied wrongly: it is \"Application (client) ID\", not the object id\n"
			  "the registration is in another tenant\n"
			  "it is another program's id, which its owner has disabled",
		.steps = "entra.microsoft.com, App registrations, Overview: compare client_id and Directory (tenant) ID\n"
			 "register an application of your own: mailoauth providers microsoft",
		.source = ENTRA "; reports of users (email-oauth2-proxy 267)",
		.example = "unauthorized_client: AADSTS700016: Application with identifier was not found in the directory.\ninvalid_client: AADSTS7000112: Application is disabled.",
	},
	{
		.id = "oauth-foreign-app",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS65002",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "client_id is one of Microsoft's own applications",
		.remedy = "register an application of your own",
		.steps = "register an application of your own: mailoauth providers microsoft",
		.source = ENTRA,
		.example = "invalid_client: AADSTS65002: Consent between first party application and first party resource must be configured via preauthorization",
	},
	{
		.id = "oauth-tenant-wrong",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50194|AADSTS9002332|AADSTS9001023|AADSTS90002|AADSTS90038|AADSTS50020|AADSTS500208|AADSTS700005|AADSTS90130|AADSTS900382|AADSTS900432|AADSTS90051",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "tenant does not fit the application, the account or the kind of grant",
		.remedy = "set tenant to the Directory (tenant) ID",
		.causes = "the application belongs to one tenant, and tenant is common or organizations\n"
			  "app-only wants the tenant by name\n"
			  "a personal account (Outlook.com): provider = outlook; another cloud: microsoft-gcc-high, microsoft-china",
		.steps = "entra.microsoft.com, App registrations, Overview: put Directory (tenant) ID into tenant\nthen: mailoauth config check",
		.source = ENTRA,
		.example = "AADSTS50194: Application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps\nAADSTS90002: Tenant 'contoso.exmaple' not found.\nAADSTS50020: User account from identity provider 'live.com' does not exist in tenant",
	},
	/* Microsoft: the redirect */
	{
		.id = "oauth-redirect-unregistered",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50011|AADSTS70004|AADSTS900971|redirect_uri_mismatch|redirect_uri_not_allowed|redirect URI*not match|invalid redirect_uri|invalid_redirect_uri",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the redirect URI is not registered just so",
		.remedy = "register the redirect that mailoauth prints, to the letter",
		.causes = "another host (localhost is not 127.0.0.1), another path, https instead of http, or a slash more\n"
			  "Microsoft: registered for the platform Web or single-page, not \"Mobile and desktop applications\"\n"
			  "Google: the client is of type Web, not \"Desktop app\"",
		.steps = "Microsoft: Authentication, Mobile and desktop applications: http://localhost (any port is then right)\n"
			 "or set redirect in mailoauth.conf to what is registered; of several, mailoauth authorize --redirect URI chooses\n" AGAIN "\nmore: mailoauth explain redirect-uris",
		.source = ENTRA "; " ENTRA_REDIRECT,
		.example = "AADSTS50011: The redirect URI 'http://localhost:7598/' specified in the request does not match the redirect URIs configured for the application\nError 400: redirect_uri_mismatch",
	},
	{
		.id = "oauth-pkce",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS501481|AADSTS50147|AADSTS501491|code_verifier|code_challenge",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_CONSENT,
		.meaning = "the code does not belong to this attempt (PKCE)",
		.remedy = "authorize again, with the newest URL",
		.causes = "the browser's page is from an earlier attempt",
		.steps = AGAIN "\nclose the older tabs first",
		.source = ENTRA,
		.example = "invalid_grant: AADSTS501481: The Code_Verifier does not match the code_challenge supplied in the authorization request.",
	},
	/* Microsoft: limits and passing trouble */
	{
		.id = "oauth-loop",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS50196",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY,
		.meaning = "some program asks for the same token again and again",
		.remedy = "find the program that does not keep its token",
		.causes = "several programs or machines use the same grant, each for itself",
		.steps = "let all programs on this machine ask mailoauthd; give another machine an account of its own",
		.source = ENTRA,
		.example = "AADSTS50196: The server terminated an operation because it encountered a client request loop.",
	},
	{
		.id = "oauth-microsoft-passing",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS90033|AADSTS50033|AADSTS90024|AADSTS90006|AADSTS90012|AADSTS40010",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "passing trouble at Microsoft",
		.source = ENTRA,
		.example = "temporarily_unavailable: AADSTS90033: A transient error has occurred. Please try again.",
	},
	/* The device flow */
	{
		.id = "device-code-unknown",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS70018|AADSTS50134|bad_verification_code",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the provider does not know the device code",
		.causes = "the code was entered wrongly or too late\nthe person's data is in another region than the request (50134)",
		.steps = "mailoauth authorize ACCOUNT --flow device\nor the other flow: mailoauth authorize ACCOUNT --flow code --paste",
		.source = ENTRA_DEVICE,
		.example = "bad_verification_code: AADSTS70018: Invalid verification code due to User typing in wrong user code for device code flow.",
	},
	{
		.id = "device-code-expired",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "AADSTS70019|AADSTS70020|expired_token",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "nobody entered the code in time (15 minutes at Microsoft)",
		.steps = "mailoauth authorize ACCOUNT --flow device",
		.source = ENTRA_DEVICE "; " RFC8628,
		.example = "expired_token: AADSTS70020: The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
	},
	{
		.id = "device-google-scope",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "Invalid device flow scope",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Google refuses mail permissions to the device flow",
		.remedy = "use the code flow",
		.steps = "on a machine without browser: mailoauth authorize ACCOUNT --flow code --paste",
		.source = GOOGLE,
		.example = "invalid_scope: Invalid device flow scope: https://mail.google.com/",
	},
	{
		.id = "device-pending",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "authorization_pending",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "nobody has entered the code yet: this is normal",
		.steps = "enter the code on the page that was named",
		.source = RFC8628,
		.example = "authorization_pending: the authorization request is still pending",
	},
	{
		.id = "oauth-slow-down",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "slow_down",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY,
		.meaning = "the provider was asked too often",
		.source = RFC8628,
		.example = "slow_down",
	},
	/* Google */
	{
		.id = "google-rapt",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "rapt_required|invalid_rapt",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the Workspace makes people sign in again after some hours (session control)",
		.remedy = "have a Workspace administrator exempt the application, then authorize again",
		.steps = "admin.google.com, Security, Google Cloud session control: exempt trusted apps\n" AGAIN
			 "\nor a service account, which nobody signs in for: provider = google-service",
		.source = BY_USERS,
		.example = "{\"error\":\"invalid_grant\",\"error_description\":\"reauth related error (invalid_rapt)\",\"error_subtype\":\"invalid_rapt\"}",
	},
	{
		.id = "google-jwt-clock",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "Token must be a short-lived token|Invalid JWT",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Google does not take the assertion: this machine's clock, or the key",
		.remedy = "check the clock; is the key still there?",
		.causes = "this machine's clock is wrong\nthe service account's key was deleted",
		.steps = "timedatectl\nconsole.cloud.google.com, IAM, Service accounts, Keys: is the key of this file there?",
		.example = "invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
	},
	{
		.id = "google-no-mailbox",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "Invalid email or User ID",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "user is no mailbox of the Workspace",
		.remedy = "set user to a mailbox's primary address",
		.steps = "set user to the primary address of a mailbox: no alias, no group",
		.example = "invalid_grant: Invalid email or User ID",
	},
	{
		.id = "google-delegation",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "Client is unauthorized to retrieve access tokens using this method|jwt_bearer*unauthorized_client",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "domain-wide delegation is not granted to this service account for that scope",
		.remedy = "admin.google.com, Security, API controls, Domain-wide delegation: the service account's client id with the scope as it stands in mailoauth.conf; it takes minutes to act",
		.steps = "admin.google.com, Security, API controls, Domain-wide delegation: the service account's client id\n"
			 "with the scope https://mail.google.com/ to the letter; it takes minutes to act",
		.example = "unauthorized_client: Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
	},
	{
		.id = "google-revoked",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "Token has been expired or revoked|invalid_grant: Bad Request|\"Bad Request\"",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "Google has ended the grant",
		.remedy = "publish the project if it is in Testing, then authorize again",
		.causes = "the project's publishing status is Testing: grants end after 7 days\n"
			  "the password was changed: that ends grants with mail scopes\n"
			  "the person removed the application, or it was not used for 6 months\n"
			  "more than 100 grants of this person to this client: the oldest goes",
		.steps = "console.cloud.google.com, Google Auth Platform, Audience: Publish app (In production)\n" AGAIN,
		.source = GOOGLE "; reports of users",
		.example = "invalid_grant: Token has been expired or revoked.\ninvalid_grant: Bad Request",
	},
	{
		.id = "google-client-gone",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "deleted_client|disabled_client",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the client was deleted or disabled",
		.remedy = "make a new client",
		.steps = "console.cloud.google.com, Google Auth Platform, Clients: a new one of type \"Desktop app\"\n"
			 "its id and secret into mailoauth.conf, then: " AGAIN,
		.example = "Error 401: deleted_client",
	},
	{
		.id = "google-internal",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "org_internal",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the application is for another organization's people only",
		.remedy = "sign in as one of them, or make a project of your own",
		.steps = "sign in with an account of the organization that owns the project\n"
			 "or console.cloud.google.com, Google Auth Platform, Audience: External",
		.example = "Error 403: org_internal",
	},
	{
		.id = "google-policy",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "admin_policy_enforced|app_not_configured_for_user",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "the Workspace's administrator has not allowed this application",
		.remedy = "a Workspace administrator trusts the client id",
		.steps = "admin.google.com, Security, API controls, App access control: add the client id as Trusted",
		.example = "Error 400: admin_policy_enforced",
	},
	{
		.id = "google-browser",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "disallowed_useragent",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONSENT,
		.meaning = "Google does not take a sign-in in a browser that is part of another program",
		.remedy = "open the URL in a browser of its own",
		.steps = "copy the URL into Firefox, Chromium or the like: mailoauth authorize ACCOUNT --no-browser",
		.example = "Error 403: disallowed_useragent",
	},
	{
		.id = "google-out-of-band",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "urn:ietf:wg:oauth:2.0:oob|out-of-band|(OOB)",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Google has ended the copying of codes (out-of-band) in 2023",
		.remedy = "use the loopback redirect",
		.steps = "delete redirect from the [account]; the client must be of type \"Desktop app\"\n"
			 "on a machine without browser: mailoauth authorize ACCOUNT --paste",
		.source = GOOGLE,
		.example = "invalid_request: The out-of-band (OOB) flow has been blocked in order to keep users secure.",
	},
	/* Zoho */
	{
		.id = "oauth-too-many-requests",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "too many requests continuously|HTTP 429|429 Too Many",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY,
		.meaning = "the provider was asked for tokens too often",
		.causes = "several programs refresh for themselves\nmany accounts behind one address",
		.steps = "wait: mailoauthd heeds Retry-After, and serves the token it has while that is good\n"
			 "let all programs on this machine ask mailoauthd",
		.source = BY_USERS,
		.example = "{\"error\":\"Access Denied\",\"error_description\":\"You have made too many requests continuously. Please try again after some time.\"}\nlogin.example.net answered HTTP 429 slow",
	},
	/* Texts of mailoauthd about what came from a provider */
	{
		.id = "oauth-not-a-token-answer",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "where a token was expected|HTTP 407|Proxy Authentication Required",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "somebody else than the token endpoint answered",
		.remedy = "is token_url right, and is there a proxy between?",
		.causes = "a proxy or a captive portal answers in its place\n"
			  "token_url is the authorization endpoint, or one of Microsoft's v1",
		.steps = "delete token_url from the [account]: the preset has the right one\n"
			 "behind a proxy: set proxy in mailoauth.conf, with its user if it wants one",
		.example = "login.example.net answered HTTP 200 and text/html (a proxy's page, or a wrong token_url?) where a token was expected: no JSON",
	},
	{
		.id = "oauth-no-refresh-token",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "gave no refresh token|no refresh_token|sent no refresh token",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONSENT,
		.meaning = "there is no refresh token: the account ends with its access token, in about an hour",
		.remedy = "add offline access to scope, then authorize again",
		.causes = "Microsoft and others: offline_access is missing in scope\n"
			  "Google: access_type=offline is missing in authorize_extra, or the person had consented before (prompt=consent)",
		.steps = "delete scope and authorize_extra from the [account]: the preset has them right\n" AGAIN,
		.source = RFC6749 " 6",
		.example = "account relay: its token has expired, and the server gave no refresh token; run: mailoauth authorize relay",
	},
	{
		.id = "oauth-scope-not-granted",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "without the scope|did not grant|not granted the scope",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the provider gave a token without the mail scope",
		.remedy = "authorize again and accept all that is asked for",
		.causes = "the person unticked the mail permission (Google)\nthe permission is not in the registration",
		.steps = AGAIN ": tick all boxes",
		.source = RFC6749 " 3.3",
		.example = "the server did not grant https://mail.google.com/",
	},
	{
		.id = "oauth-loopback-unreachable",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "ERR_CONNECTION_REFUSED*localhost|localhost*refused to connect|127.0.0.1*refused to connect|unable to connect*localhost|can't establish a connection*localhost|can't establish a connection*127.0.0.1|localhost*ERR_CONNECTION_REFUSED|redirect will not complete",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONSENT,
		.meaning = "the browser is on another machine than the one that waits for it",
		.remedy = "copy the URL from the browser's address bar: mailoauth authorize ACCOUNT --paste",
		.causes = "mailoauth runs on a server, the browser on your desk: localhost is the desk\n"
			  "the time was over, and nobody listens any more\n"
			  "the registered redirect names another host, port or path",
		.steps = "mailoauth authorize ACCOUNT --paste, and paste the address of that failed page: the code is in it\n"
			 "or forward the port: ssh -L PORT:localhost:PORT SERVER, with mailoauth authorize ACCOUNT --port PORT\n"
			 "more: mailoauth explain redirect-uris",
		.source = "reports of users (CData community, 2023)",
		.example = "This site can't be reached: localhost refused to connect.\nERR_CONNECTION_REFUSED http://localhost:33419/",
	},
	/* What an `error` means with one kind of grant; our programs put its name before the words */
	{
		.id = "app-only-unauthorized",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "client_credentials*unauthorized_client",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the registration may not use client credentials, or not in this tenant",
		.remedy = "give it application permissions, with admin consent",
		.steps = "more: mailoauth explain app-only",
		.source = RFC6749 " 5.2",
		.example = "client_credentials: login.example.net answered HTTP 400 unauthorized_client",
	},
	{
		.id = "app-only-scope",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "client_credentials*invalid_scope",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "app-only tokens have one scope, RESOURCE/.default at Microsoft",
		.remedy = "take scope out of mailoauth.conf: the preset has the right one",
		.steps = "delete scope from the [account], then: mailoauth config check\nmore: mailoauth explain app-only",
		.source = ENTRA,
		.example = "client_credentials: login.example.net answered HTTP 400 invalid_scope",
	},
	{
		.id = "google-service-refused",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "jwt_bearer*invalid_grant",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the user is no mailbox of the domain, the key was deleted, or this machine's clock is wrong",
		.remedy = "look at user, at the key and at the clock",
		.steps = "set user to a mailbox's primary address\ntimedatectl\nconsole.cloud.google.com, IAM, Service accounts, Keys: is the key of this file there?",
		.example = "jwt_bearer: oauth2.googleapis.com answered HTTP 400 invalid_grant",
	},
	{
		.id = "google-service-scope",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "jwt_bearer*invalid_scope",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Google knows no such scope",
		.remedy = "take scope out of mailoauth.conf: the preset has the right one",
		.steps = "delete scope from the [account], then: mailoauth config check\nmore: mailoauth explain scopes google",
		.example = "jwt_bearer: oauth2.googleapis.com answered HTTP 400 invalid_scope",
	},
	{
		.id = "managed-identity-missing",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "managed_identity*invalid_request",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the machine has no such identity (client_id names a user-assigned one), or scope is not RESOURCE/.default",
		.remedy = "assign the identity to the machine",
		.steps = "portal.azure.com, the virtual machine, Security, Identity\nclient_id is that of a user-assigned identity, and is left out for the machine's own",
		.source = "Microsoft's documentation of managed identities, 2026",
		.example = "managed_identity: 169.254.169.254 answered HTTP 400 invalid_request",
	},
	{
		.id = "device-not-allowed",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "device_code*unauthorized_client|device_code*invalid_client",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the registration may not use the device flow, or wants a secret",
		.remedy = "Microsoft: Allow public client flows = Yes",
		.steps = "entra.microsoft.com, App registrations, Authentication: Allow public client flows = Yes\n"
			 "or the other flow: mailoauth authorize ACCOUNT --flow code --paste",
		.source = ENTRA_DEVICE,
		.example = "device_code: login.example.net answered HTTP 400 unauthorized_client",
	},
	{
		.id = "device-refused",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "device_code*access_denied|device_code*authorization_declined|device_code*invalid_grant",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the person refused, or a policy forbids the device flow (many organizations have one: Conditional Access)",
		.remedy = "take the other flow: --flow code",
		.steps = "mailoauth authorize ACCOUNT --flow code --paste\nmore: mailoauth explain device-code",
		.source = ENTRA_DEVICE "; " ENTRA_ACCESS,
		.example = "device_code: login.example.net answered HTTP 400 authorization_declined",
	},
	/* The values of `error` alone */
	{
		.id = "oauth-invalid-grant",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "invalid_grant|INVALID_REFRESH_TOKEN",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the grant is over: expired, revoked, used already, or another client's",
		.causes = "it was not used for too long, the password was changed, or somebody revoked it\n"
			  "another program or a restored backup has used the same refresh token\n"
			  "client_id, redirect or PKCE are not those that it was given for",
		.steps = AGAIN "\nwhat was it the last time? mailoauth status ACCOUNT",
		.source = RFC6749 " 5.2",
		.example = "{\"error\":\"invalid_grant\"}",
	},
	{
		.id = "oauth-interaction",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "interaction_required|login_required|account_selection_required",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the provider wants to see a person",
		.steps = AGAIN,
		.source = "OpenID Connect Core 3.1.2.6",
		.example = "interaction_required",
	},
	{
		.id = "oauth-consent-required",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "consent_required",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the person has not consented to all of scope",
		.steps = AGAIN "\nmore: mailoauth explain consent",
		.source = "OpenID Connect Core 3.1.2.6",
		.example = "consent_required",
	},
	{
		.id = "oauth-denied",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "access_denied|authorization_declined",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "consent was declined, or a policy forbids it",
		.remedy = "authorize again, or ask an administrator for consent",
		.causes = "the person clicked Cancel, or Deny\n"
			  "the organization lets nobody consent but an administrator\n"
			  "Google: the project is in Testing, and the person is no test user",
		.steps = AGAIN "\nmore: mailoauth explain consent",
		.source = RFC6749 " 4.1.2.1",
		.example = "error=access_denied&error_description=The+user+denied",
	},
	{
		.id = "oauth-invalid-client",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "invalid_client",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the provider does not take the client's id or secret",
		.remedy = "correct client_id and client_secret_file",
		.causes = "the secret is wrong or over, or the Secret ID was copied instead of the value\n"
			  "client_id is another provider's or another tenant's\n"
			  "the provider wants the secret in another way: client_auth = basic or post",
		.steps = "compare client_id and the secret with the registration, then: mailoauth config check\nthen: systemctl reload mailoauthd; mailoauth refresh ACCOUNT",
		.source = RFC6749 " 5.2",
		.example = "{\"error\":\"invalid_client\",\"error_description\":\"Unauthorized\"}",
	},
	{
		.id = "oauth-unauthorized-client",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "unauthorized_client|unsupported_grant_type|unsupported_response_type",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the registration may not use this kind of grant",
		.remedy = "allow it in the registration, or set another grant",
		.causes = "Microsoft, device flow: \"Allow public client flows\" is No\n"
			  "app-only with a registration that has no application permissions, or in another tenant",
		.steps = "compare grant with what the provider knows: mailoauth providers NAME",
		.source = RFC6749 " 5.2",
		.example = "unauthorized_client\nunsupported_grant_type",
	},
	{
		.id = "oauth-invalid-scope",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "invalid_scope",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the provider does not know the scope, or does not give it to this client",
		.remedy = "take scope out of mailoauth.conf: the preset has the right one",
		.steps = "delete scope from the [account], then: mailoauth config check\nmore: mailoauth explain scopes",
		.source = RFC6749 " 5.2",
		.example = "invalid_scope: Some requested scopes were invalid.",
	},
	{
		.id = "oauth-invalid-resource",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "invalid_resource|invalid_target",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the provider does not know the resource that scope or resource names",
		.remedy = "correct scope or resource",
		.steps = "delete scope and resource from the [account], then: mailoauth config check",
		.source = "RFC 8707",
		.example = "invalid_resource",
	},
	{
		.id = "oauth-passing",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "temporarily_unavailable|server_error",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "passing trouble at the provider",
		.remedy = "try again later",
		.source = RFC6749 " 4.1.2.1",
		.example = "temporarily_unavailable\nserver_error",
	},
	{
		.id = "oauth-invalid-request",
		.where = DIAGNOSIS_OAUTH,
		.pattern = "invalid_request",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the provider does not understand the request",
		.remedy = "take URLs and authorize_extra out of mailoauth.conf: the preset has them right",
		.causes = "authorize_url and token_url are swapped, or one of Microsoft's v1\n"
			  "authorize_extra has something that this provider does not know",
		.steps = "delete authorize_url, token_url and authorize_extra from the [account], then: mailoauth config check",
		.source = RFC6749 " 5.2",
		.example = "invalid_request: missing parameter",
	},
};
/* clang-format on */

const struct diagnosis_table diagnosis_oauth = DIAGNOSIS_TABLE(rows);
