/*
 * libotrpeer is an Off-the-Record endpoint made of libotr, driven by one command per line on its standard input; the
 * package comment of ../otrpeer has the protocol. The interoperability tests compile and run it:
 *
 *	cc -o libotrpeer libotrpeer.c $(pkg-config --cflags --libs libotr) -lgcrypt
 *
 * As an application of libotr it does what pidgin-otr does and the library leaves to it: it aborts SMP when told of
 * an error in it, and takes the end of a conversation from the TLV that says so.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <time.h>
#include <sys/time.h>

#include <gcrypt.h>
#include <libotr/proto.h>
#include <libotr/privkey.h>
#include <libotr/message.h>
#include <libotr/b64.h>
#include <libotr/sm.h>
#include <libotr/dh.h>
#include <libotr/context_priv.h>

#define PROTOCOL "xmpp"

static OtrlUserState us;
static const char *account = "libotr";
static const char *peer = "peer";
static const char *keyfile;
static OtrlPolicy policy = OTRL_POLICY_ALLOW_V3;
static int max_size;
static int logged_in = 1;
static otrl_instag_t selected = OTRL_INSTAG_BEST;
static long clock_offset;

/* What the callbacks of one call into the library found out. */
static int decrypted;

/* libotr asks the time of the C library; the executable's own time() comes first. */
time_t time(time_t *t)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	time_t shifted = now.tv_sec + clock_offset;
	if (t) *t = shifted;
	return shifted;
}

/* ---- lines ---- */

static void *checked(void *p)
{
	if (!p) {
		fputs("libotrpeer: out of memory\n", stderr);
		exit(2);
	}
	return p;
}

/* b64 returns the base64 of n bytes, "-" for none. The caller frees it. */
static char *b64(const void *data, size_t n)
{
	if (n == 0) return checked(strdup("-"));
	char *s = checked(malloc((n + 2) / 3 * 4 + 1));
	s[otrl_base64_encode(s, data, n)] = '\0';
	return s;
}

/* unb64 returns the bytes, followed by a NUL that is not counted. The caller frees them. */
static unsigned char *unb64(const char *s, size_t *n)
{
	unsigned char *data = checked(malloc(strlen(s) + 4));
	*n = strcmp(s, "-") == 0 ? 0 : otrl_base64_decode(data, s, strlen(s));
	data[*n] = '\0';
	return data;
}

static void print_bytes(const char *what, const void *data, size_t n)
{
	char *s = b64(data, n);
	printf("%s%s\n", what, s);
	free(s);
}

static void print_hex(const unsigned char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) printf("%02x", data[i]);
}

static void error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("error ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

/* ---- contexts ---- */

static int is_ours(ConnContext *c)
{
	return strcmp(c->username, peer) == 0 && strcmp(c->accountname, account) == 0 &&
		strcmp(c->protocol, PROTOCOL) == 0;
}

static ConnContext *current(void)
{
	return otrl_context_find(us, peer, account, PROTOCOL, selected, 0, NULL, NULL, NULL);
}

static ConnContext *current_encrypted(void)
{
	ConnContext *c = current();
	if (c && c->msgstate == OTRL_MSGSTATE_ENCRYPTED) return c;
	error("there is no private conversation");
	return NULL;
}

static const char *bold(ConnContext *c)
{
	return c->sessionid_half == OTRL_SESSIONID_FIRST_HALF_BOLD ? "first" : "second";
}

static void print_fingerprints(void)
{
	unsigned char ours[20];
	ConnContext *c = current();
	fputs("fp ", stdout);
	if (otrl_privkey_fingerprint_raw(us, ours, account, PROTOCOL)) print_hex(ours, 20);
	else putchar('-');
	putchar(' ');
	if (c && c->active_fingerprint && c->active_fingerprint->fingerprint)
		print_hex(c->active_fingerprint->fingerprint, 20);
	else putchar('-');
	putchar('\n');
}

/* ---- what the library calls ---- */

static OtrlPolicy op_policy(void *data, ConnContext *c) { return policy; }

static void op_create_privkey(void *data, const char *name, const char *protocol)
{
	otrl_privkey_generate(us, keyfile, name, protocol);
}

static int op_is_logged_in(void *data, const char *name, const char *protocol, const char *recipient)
{
	return logged_in;
}

static void op_inject(void *data, const char *name, const char *protocol, const char *recipient, const char *message)
{
	if (*message) print_bytes("wire ", message, strlen(message)); /* an empty one stands for a text that was held back */
}

static void op_new_fingerprint(void *data, OtrlUserState state, const char *name, const char *protocol,
	const char *username, unsigned char fingerprint[20])
{
	fputs("event new-fingerprint fp=", stdout);
	print_hex(fingerprint, 20);
	putchar('\n');
}

static void op_gone_secure(void *data, ConnContext *c)
{
	printf("event gone-secure version=%u ssid=", c->protocol_version);
	print_hex(c->sessionid, c->sessionid_len);
	printf(" bold=%s theirtag=%08x\n", bold(c), c->their_instance);
}

static void op_gone_insecure(void *data, ConnContext *c) { puts("event gone-insecure reason=library"); }

static void op_still_secure(void *data, ConnContext *c, int is_reply) { puts("event still-secure"); }

static int op_max_size(void *data, ConnContext *c) { return max_size; }

static void op_symkey(void *data, ConnContext *c, unsigned int use, const unsigned char *usedata, size_t len,
	const unsigned char *key)
{
	char *s = b64(usedata, len);
	printf("event extra-key dir=recv use=%u key=", use);
	print_hex(key, OTRL_EXTRAKEY_BYTES);
	printf(" data=%s\n", s);
	free(s);
}

static const char *op_error_message(void *data, ConnContext *c, OtrlErrorCode code)
{
	switch (code) {
	case OTRL_ERRCODE_ENCRYPTION_ERROR: return "encryption error";
	case OTRL_ERRCODE_MSG_NOT_IN_PRIVATE: return "not in private";
	case OTRL_ERRCODE_MSG_UNREADABLE: return "unreadable";
	case OTRL_ERRCODE_MSG_MALFORMED: return "malformed";
	default: return "";
	}
}

static void op_error_message_free(void *data, const char *message) {}

static void op_smp_event(void *data, OtrlSMPEvent event, ConnContext *c, unsigned short percent, char *question)
{
	static const char *names[] = {
		[OTRL_SMPEVENT_ERROR] = "error", [OTRL_SMPEVENT_ABORT] = "abort", [OTRL_SMPEVENT_CHEATED] = "cheated",
		[OTRL_SMPEVENT_ASK_FOR_ANSWER] = "ask-answer", [OTRL_SMPEVENT_ASK_FOR_SECRET] = "ask-secret",
		[OTRL_SMPEVENT_IN_PROGRESS] = "progress", [OTRL_SMPEVENT_SUCCESS] = "success",
		[OTRL_SMPEVENT_FAILURE] = "failure",
	};
	if (event == OTRL_SMPEVENT_NONE) return;
	printf("event smp-%s pct=%u", names[event], percent);
	if (event == OTRL_SMPEVENT_ASK_FOR_ANSWER) {
		char *s = b64(question, question ? strlen(question) : 0);
		printf(" question=%s", s);
		free(s);
	}
	putchar('\n');
	if (event == OTRL_SMPEVENT_ERROR || event == OTRL_SMPEVENT_CHEATED)
		otrl_message_abort_smp(us, data, NULL, c);
}

static void op_msg_event(void *data, OtrlMessageEvent event, ConnContext *c, const char *message, gcry_error_t err)
{
	static const char *names[] = {
		[OTRL_MSGEVENT_ENCRYPTION_REQUIRED] = "encryption-required",
		[OTRL_MSGEVENT_ENCRYPTION_ERROR] = "encryption-error",
		[OTRL_MSGEVENT_CONNECTION_ENDED] = "connection-ended",
		[OTRL_MSGEVENT_SETUP_ERROR] = "setup-error",
		[OTRL_MSGEVENT_MSG_REFLECTED] = "reflected",
		[OTRL_MSGEVENT_MSG_RESENT] = "resent",
		[OTRL_MSGEVENT_RCVDMSG_NOT_IN_PRIVATE] = "rcvd-not-in-private",
		[OTRL_MSGEVENT_RCVDMSG_UNREADABLE] = "rcvd-unreadable",
		[OTRL_MSGEVENT_RCVDMSG_MALFORMED] = "rcvd-malformed",
		[OTRL_MSGEVENT_LOG_HEARTBEAT_RCVD] = "heartbeat-rcvd",
		[OTRL_MSGEVENT_LOG_HEARTBEAT_SENT] = "heartbeat-sent",
		[OTRL_MSGEVENT_RCVDMSG_GENERAL_ERR] = "rcvd-error",
		[OTRL_MSGEVENT_RCVDMSG_UNENCRYPTED] = "rcvd-unencrypted",
		[OTRL_MSGEVENT_RCVDMSG_UNRECOGNIZED] = "rcvd-unrecognized",
		[OTRL_MSGEVENT_RCVDMSG_FOR_OTHER_INSTANCE] = "rcvd-other-instance",
	};
	if (event == OTRL_MSGEVENT_NONE) return;
	printf("event %s", names[event]);
	if (event == OTRL_MSGEVENT_RCVDMSG_GENERAL_ERR) {
		char *s = b64(message, message ? strlen(message) : 0);
		printf(" text=%s", s);
		free(s);
	}
	putchar('\n');
	if (event == OTRL_MSGEVENT_RCVDMSG_UNENCRYPTED && message)
		print_bytes("msg plain-unexpected ", message, strlen(message));
}

static void op_create_instag(void *data, const char *name, const char *protocol)
{
	FILE *nowhere = fopen("/dev/null", "w");
	if (!nowhere) return;
	otrl_instag_generate_FILEp(us, nowhere, name, protocol);
	fclose(nowhere);
}

/* The library converts texts for applications that want it. We only learn from it that a text was encrypted. */
static void op_convert(void *data, ConnContext *c, OtrlConvertType type, char **dest, const char *src)
{
	if (type == OTRL_CONVERT_RECEIVING) decrypted = 1;
	*dest = NULL;
}

static void op_convert_free(void *data, ConnContext *c, char *dest) {}

static void op_timer(void *data, unsigned int interval) { printf("event timer interval=%u\n", interval); }

static OtrlMessageAppOps ops = {
	.policy = op_policy,
	.create_privkey = op_create_privkey,
	.is_logged_in = op_is_logged_in,
	.inject_message = op_inject,
	.new_fingerprint = op_new_fingerprint,
	.gone_secure = op_gone_secure,
	.gone_insecure = op_gone_insecure,
	.still_secure = op_still_secure,
	.max_message_size = op_max_size,
	.received_symkey = op_symkey,
	.otr_error_message = op_error_message,
	.otr_error_message_free = op_error_message_free,
	.handle_smp_event = op_smp_event,
	.handle_msg_event = op_msg_event,
	.create_instag = op_create_instag,
	.convert_msg = op_convert,
	.convert_free = op_convert_free,
	.timer_control = op_timer,
};

/* ---- commands ---- */

static void do_start(void)
{
	char *query = otrl_proto_default_query_msg(account, policy);
	if (!query) {
		error("no query to send");
		return;
	}
	op_inject(NULL, account, PROTOCOL, peer, query);
	free(query);
}

static void report_tlvs(OtrlTLV *tlvs)
{
	for (OtrlTLV *tlv = tlvs; tlv; tlv = tlv->next) {
		if (tlv->type == OTRL_TLV_DISCONNECTED) puts("event gone-insecure reason=peer");
		else if (tlv->type == OTRL_TLV_PADDING) printf("event padding len=%u\n", tlv->len);
		else if (tlv->type > OTRL_TLV_SYMKEY) printf("event unknown-tlv type=%u len=%u\n", tlv->type, tlv->len);
	}
}

static void do_recv(const char *wire)
{
	char *text = NULL;
	OtrlTLV *tlvs = NULL;
	ConnContext *c = NULL;
	decrypted = 0;
	int internal = otrl_message_receiving(us, &ops, &ops, account, PROTOCOL, peer, wire, &text, &tlvs, &c, NULL, NULL);
	report_tlvs(tlvs);
	if (!internal) {
		const char *shown = text ? text : wire;
		print_bytes(decrypted ? "msg encrypted " : "msg plain ", shown, strlen(shown));
	}
	otrl_message_free(text);
	otrl_tlv_free(tlvs);
}

static void send_text(const char *text, OtrlTLV *tlvs)
{
	char *sent = NULL;
	gcry_error_t err = otrl_message_sending(us, &ops, &ops, account, PROTOCOL, peer, selected, text, tlvs, &sent,
		OTRL_FRAGMENT_SEND_ALL, NULL, NULL, NULL);
	if (err) error("not sent: %s", gcry_strerror(err));
	else if (!sent) op_inject(NULL, account, PROTOCOL, peer, text);
	otrl_message_free(sent);
}

static void do_tlv(const char *type, const char *value, const char *text)
{
	size_t n, text_len;
	if (!current_encrypted()) return;
	unsigned char *data = unb64(value, &n);
	unsigned char *plain = unb64(text, &text_len);
	OtrlTLV *tlv = n <= 0xffff ? otrl_tlv_new(strtoul(type, NULL, 10), n, data) : NULL;
	if (tlv) send_text((char *)plain, tlv);
	else error("value is too long");
	otrl_tlv_free(tlv);
	free(plain);
	free(data);
}

static void do_smp_start(const char *secret, const char *question)
{
	size_t n, question_len;
	ConnContext *c = current_encrypted();
	if (!c) return;
	unsigned char *s = unb64(secret, &n);
	if (question) {
		unsigned char *q = unb64(question, &question_len);
		otrl_message_initiate_smp_q(us, &ops, &ops, c, (char *)q, s, n);
		free(q);
	} else {
		otrl_message_initiate_smp(us, &ops, &ops, c, s, n);
	}
	free(s);
}

static void do_smp_respond(const char *secret)
{
	size_t n;
	ConnContext *c = current_encrypted();
	if (!c) return;
	unsigned char *s = unb64(secret, &n);
	otrl_message_respond_smp(us, &ops, &ops, c, s, n);
	free(s);
}

static void do_smp_abort(void)
{
	ConnContext *c = current_encrypted();
	if (c) otrl_message_abort_smp(us, &ops, &ops, c);
}

static void do_end(void)
{
	otrl_message_disconnect_all_instances(us, &ops, &ops, account, PROTOCOL, peer);
	puts("event gone-insecure reason=user");
}

static void do_symkey(const char *use, const char *data)
{
	size_t n;
	unsigned char key[OTRL_EXTRAKEY_BYTES];
	ConnContext *c = current_encrypted();
	if (!c) return;
	unsigned char *usedata = unb64(data, &n);
	unsigned int number = strtoul(use, NULL, 10);
	if (otrl_message_symkey(us, &ops, &ops, c, number, usedata, n, key)) {
		error("no extra symmetric key");
	} else {
		printf("event extra-key dir=send use=%u key=", number);
		print_hex(key, sizeof key);
		printf(" data=%s\n", data);
	}
	free(usedata);
}

static void do_status(void)
{
	static const char *states[] = {"plaintext", "encrypted", "finished"};
	static const char *auths[] = {"none", "awaiting-dhkey", "awaiting-revealsig", "awaiting-sig", "v1-setup"};
	for (ConnContext *c = us->context_root; c; c = c->next) {
		if (!is_ours(c)) continue;
		const char *trust = c->active_fingerprint && c->active_fingerprint->trust ? c->active_fingerprint->trust : "";
		printf("status msgstate=%s authstate=%s version=%u ssid=", states[c->msgstate], auths[c->auth.authstate],
			c->protocol_version);
		if (c->sessionid_len) print_hex(c->sessionid, c->sessionid_len);
		else putchar('-');
		printf(" bold=%s smp=%d trust=%s tags=%08x,%08x\n", bold(c), c->smstate ? (int)c->smstate->nextExpected + 1 : 0,
			*trust ? trust : "-", c->our_instance, c->their_instance);
	}
	print_fingerprints();
}

static void print_key(const char *what, unsigned int id, gcry_mpi_t value)
{
	unsigned char b[192];
	size_t n;
	if (!value || gcry_mpi_print(GCRYMPI_FMT_USG, b, sizeof b, &n, value)) return;
	printf("key %s id=%u value=", what, id);
	print_hex(b, n);
	putchar('\n');
}

static void do_debug_keys(void)
{
	ConnContext *c = current_encrypted();
	if (!c) return;
	ConnContextPriv *p = c->context_priv;
	print_key("our-x", p->our_keyid, p->our_dh_key.priv);
	print_key("our-y", p->our_keyid, p->our_dh_key.pub);
	print_key("our-x", p->our_keyid - 1, p->our_old_dh_key.priv);
	print_key("our-y", p->our_keyid - 1, p->our_old_dh_key.pub);
	print_key("their-y", p->their_keyid, p->their_y);
	print_key("their-y", p->their_keyid - 1, p->their_old_y);
}

static int parse_policy(char *list, OtrlPolicy *result)
{
	static const struct { const char *name; OtrlPolicy bits; } words[] = {
		{"v2", OTRL_POLICY_ALLOW_V2}, {"v3", OTRL_POLICY_ALLOW_V3}, {"require", OTRL_POLICY_REQUIRE_ENCRYPTION},
		{"sendtag", OTRL_POLICY_SEND_WHITESPACE_TAG}, {"starttag", OTRL_POLICY_WHITESPACE_START_AKE},
		{"errstart", OTRL_POLICY_ERROR_START_AKE}, {"manual", OTRL_POLICY_MANUAL},
		{"opportunistic", OTRL_POLICY_OPPORTUNISTIC}, {"always", OTRL_POLICY_ALWAYS}, {"never", OTRL_POLICY_NEVER},
	};
	OtrlPolicy sum = 0;
	char *save;
	for (char *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		size_t i = 0;
		while (i < sizeof words / sizeof *words && strcmp(words[i].name, word)) i++;
		if (i == sizeof words / sizeof *words) return 0;
		sum |= words[i].bits;
	}
	*result = sum;
	return 1;
}

static void do_select(const char *which)
{
	if (!strcmp(which, "best")) selected = OTRL_INSTAG_BEST;
	else if (!strcmp(which, "master")) selected = OTRL_INSTAG_MASTER;
	else if (!strcmp(which, "recent")) selected = OTRL_INSTAG_RECENT;
	else selected = strtoul(which, NULL, 16);
}

static void command(char *line)
{
	char *words[4] = {0};
	char *save;
	int n = 0;
	for (char *w = strtok_r(line, " ", &save); w && n < 4; w = strtok_r(NULL, " ", &save)) words[n++] = w;
	if (n == 0) return;
	char *name = words[0];
	if (!strcmp(name, "start")) do_start();
	else if (!strcmp(name, "recv") && n == 2) {
		size_t len;
		unsigned char *wire = unb64(words[1], &len);
		do_recv((char *)wire);
		free(wire);
	} else if (!strcmp(name, "send") && n == 2) {
		size_t len;
		unsigned char *text = unb64(words[1], &len);
		send_text((char *)text, NULL);
		free(text);
	} else if (!strcmp(name, "smp-start") && n >= 2) do_smp_start(words[1], words[2]);
	else if (!strcmp(name, "smp-respond") && n == 2) do_smp_respond(words[1]);
	else if (!strcmp(name, "smp-abort")) do_smp_abort();
	else if (!strcmp(name, "end")) do_end();
	else if (!strcmp(name, "symkey") && n == 3) do_symkey(words[1], words[2]);
	else if (!strcmp(name, "status")) do_status();
	else if (!strcmp(name, "tlv") && n >= 3) do_tlv(words[1], words[2], n == 4 ? words[3] : "-");
	else if (!strcmp(name, "policy") && n == 2) {
		if (!parse_policy(words[1], &policy)) error("unknown policy");
	} else if (!strcmp(name, "max") && n == 2) max_size = atoi(words[1]);
	else if (!strcmp(name, "clock") && n == 2) clock_offset += atol(words[1]);
	else if (!strcmp(name, "poll")) otrl_message_poll(us, &ops, &ops);
	else if (!strcmp(name, "select") && n == 2) do_select(words[1]);
	else if (!strcmp(name, "loggedin") && n == 2) logged_in = atoi(words[1]);
	else if (!strcmp(name, "debug-keys")) do_debug_keys();
	else error("unknown command");
}

static void fail(const char *why)
{
	fprintf(stderr, "libotrpeer: %s\n", why);
	exit(2);
}

static void set_instag(const char *hex)
{
	char *line;
	int n = asprintf(&line, "%s\t" PROTOCOL "\t%08lx\n", account, strtoul(hex, NULL, 16));
	if (n < 0) fail("out of memory");
	FILE *f = fmemopen(line, n, "r");
	if (!f || otrl_instag_read_FILEp(us, f)) fail("bad --instag");
	fclose(f);
	free(line);
}

int main(int argc, char **argv)
{
	const char *instag = NULL;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--account")) account = argv[i + 1];
		else if (!strcmp(argv[i], "--peer")) peer = argv[i + 1];
		else if (!strcmp(argv[i], "--key")) keyfile = argv[i + 1];
		else if (!strcmp(argv[i], "--max")) max_size = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--instag")) instag = argv[i + 1];
		else if (!strcmp(argv[i], "--policy")) {
			if (!parse_policy(argv[i + 1], &policy)) fail("unknown policy");
		} else fail("unknown option");
	}
	if (argc % 2 == 0) fail("option without value");
	if (!keyfile) fail("--key is missing");
	gcry_control(GCRYCTL_ENABLE_QUICK_RANDOM, 0); /* keys of tests need not last */
	OTRL_INIT;
	us = otrl_userstate_create();
	otrl_privkey_read(us, keyfile);
	if (!otrl_privkey_find(us, account, PROTOCOL) && otrl_privkey_generate(us, keyfile, account, PROTOCOL))
		fail("cannot make a key");
	if (instag) set_instag(instag);

	printf("ready libotr %s\n", otrl_version());
	print_fingerprints();
	puts("done");
	fflush(stdout);

	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	while ((n = getline(&line, &size, stdin)) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!strcmp(line, "quit")) break;
		command(line);
		puts("done");
		fflush(stdout);
	}
	free(line);
	otrl_userstate_free(us);
	return 0;
}
