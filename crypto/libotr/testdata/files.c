/*
 * files lets libotr read the three files of a folder, prints what it found, and lets it write them into another:
 *
 *	cc -o files files.c $(pkg-config --cflags --libs libotr) -lgcrypt
 *	files FROM TO [ACCOUNT PROTOCOL]...
 *
 * It makes a key for each ACCOUNT that has none, and one for an account "last", without which libotr writes no keys.
 * Every word that it prints is hexadecimal, "-" for none.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcrypt.h>
#include <libotr/proto.h>
#include <libotr/privkey.h>
#include <libotr/instag.h>
#include <libotr/message.h>

static void print_hex(const void *data, size_t n)
{
	putchar(' ');
	if (n == 0) putchar('-');
	for (size_t i = 0; i < n; i++) printf("%02x", ((const unsigned char *)data)[i]);
}

static void print_text(const char *s) { print_hex(s, s ? strlen(s) : 0); }

static void check(gcry_error_t err, const char *what)
{
	if (!err) return;
	fprintf(stderr, "files: %s: %s\n", what, gcry_strerror(err));
	exit(1);
}

static char *path(const char *folder, const char *name)
{
	char *s;
	if (asprintf(&s, "%s/%s", folder, name) < 0) exit(2);
	return s;
}

static void print_keys(OtrlUserState us)
{
	for (OtrlPrivKey *k = us->privkey_root; k; k = k->next) {
		unsigned char fingerprint[20];
		if (!otrl_privkey_fingerprint_raw(us, fingerprint, k->accountname, k->protocol)) exit(3);
		fputs("key", stdout);
		print_text(k->accountname);
		print_text(k->protocol);
		print_hex(fingerprint, sizeof fingerprint);
		putchar('\n');
	}
}

static void print_fingerprints(OtrlUserState us)
{
	for (ConnContext *c = us->context_root; c; c = c->next) {
		if (c->m_context != c) continue;
		for (Fingerprint *f = c->fingerprint_root.next; f; f = f->next) {
			fputs("fingerprint", stdout);
			print_text(c->username);
			print_text(c->accountname);
			print_text(c->protocol);
			print_hex(f->fingerprint, 20);
			print_text(f->trust);
			putchar('\n');
		}
	}
}

static void print_tags(OtrlUserState us)
{
	for (OtrlInsTag *t = us->instag_root; t; t = t->next) {
		fputs("tag", stdout);
		print_text(t->accountname);
		print_text(t->protocol);
		printf(" %08x\n", t->instag);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc % 2 == 0) {
		fputs("usage: files FROM TO [ACCOUNT PROTOCOL]...\n", stderr);
		return 2;
	}
	gcry_control(GCRYCTL_ENABLE_QUICK_RANDOM, 0); /* keys of tests need not last */
	OTRL_INIT;
	OtrlUserState us = otrl_userstate_create();
	check(otrl_privkey_read(us, path(argv[1], "otr.private_key")), "otr.private_key");
	check(otrl_privkey_read_fingerprints(us, path(argv[1], "otr.fingerprints"), NULL, NULL), "otr.fingerprints");
	check(otrl_instag_read(us, path(argv[1], "otr.instance_tags")), "otr.instance_tags");
	print_keys(us);
	print_fingerprints(us);
	print_tags(us);

	char *keys = path(argv[2], "otr.private_key");
	for (int i = 3; i < argc; i += 2)
		if (!otrl_privkey_find(us, argv[i], argv[i + 1]))
			check(otrl_privkey_generate(us, keys, argv[i], argv[i + 1]), argv[i]);
	check(otrl_privkey_generate(us, keys, "last", "xmpp"), "last");
	check(otrl_privkey_write_fingerprints(us, path(argv[2], "otr.fingerprints")), "writing otr.fingerprints");
	check(otrl_instag_write(us, path(argv[2], "otr.instance_tags")), "writing otr.instance_tags");
	otrl_userstate_free(us);
	return 0;
}
