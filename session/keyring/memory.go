package keyring

import (
	"context"
	"slices"
)

// Memory forgets everything at the end of the program: practice mode, tests, and the choice "only for this session".
func Memory() Keyring {
	m := make(memory, 1)
	m <- map[string][]byte{}
	return m
}

// memory is a channel that holds the one map, for whoever uses it at the moment.
type memory chan map[string][]byte

func (m memory) Set(ctx context.Context, name string, secret []byte) error {
	if err := check(name, secret); err != nil {
		return err
	}
	return m.use(ctx, func(secrets map[string][]byte) error {
		secrets[name] = slices.Clone(secret)
		return nil
	})
}

func (m memory) Secret(ctx context.Context, name string) (secret []byte, err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	err = m.use(ctx, func(secrets map[string][]byte) error {
		kept, ok := secrets[name]
		if !ok {
			return ErrNotFound
		}
		secret = slices.Clone(kept)
		return nil
	})
	return secret, err
}

func (m memory) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return m.use(ctx, func(secrets map[string][]byte) error {
		clear(secrets[name])
		delete(secrets, name)
		return nil
	})
}

func (m memory) use(ctx context.Context, f func(map[string][]byte) error) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	secrets := <-m // nobody holds it across anything slow
	defer func() { m <- secrets }()
	return f(secrets)
}

// Forgets says whether k forgets everything at the end of the program, as Memory does.
func Forgets(k Keyring) bool {
	_, ok := k.(memory)
	return ok
}
