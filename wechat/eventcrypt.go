package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/minapush/minapush"
)

const (
	// pushBlock is the block of the padding, which is not that of the cipher.
	pushBlock = 32
	// pushHead is what stands before an encrypted text: random bytes and the length of the text.
	pushHead = pushRandom + 4
	// pushRandom is how many of these are random.
	pushRandom = 16
)

// signPush is the signature of a push: the strings, sorted and joined, as hexadecimal SHA-1. The token among them is the secret.
// [O] developers.weixin.qq.com, mini program: message push, read 2026-06.
func signPush(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// signed compares in constant time. What is not a signature at all is none.
func signed(given string, parts ...string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(signPush(parts...))) == 1
}

// pushCipher encrypts and decrypts for one app: AES-256-CBC whose initial vector is the begin of the key. The same page.
type pushCipher struct {
	key []byte
	app minapush.AppID
}

// newPushCipher reads an EncodingAESKey. Its last character may have bits that no byte takes: they are not looked at.
func newPushCipher(encodingAESKey string, app minapush.AppID) (*pushCipher, error) {
	if len(encodingAESKey) != 43 {
		return nil, minapush.FieldError("EncodingAESKey", "must have 43 characters, has %d", len(encodingAESKey))
	}
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=")
	if err != nil || len(key) != 32 {
		return nil, minapush.FieldError("EncodingAESKey", "must be letters and digits")
	}
	return &pushCipher{key, app}, nil
}

// open decrypts. The caller has checked the signature of encrypted, so that its errors, of which the first two mean a wrong key, tell
// nothing to somebody who tries.
func (c *pushCipher) open(encrypted string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, minapush.FieldError("Encrypt", "must be base64 of whole blocks")
	}
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, c.key[:aes.BlockSize]).CryptBlocks(plain, sealed)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > pushBlock || pad > len(plain)-pushHead {
		return nil, minapush.FieldError("Encrypt", "must be padded with 1 to %d bytes: is the EncodingAESKey the one in WeChat's console?", pushBlock)
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, minapush.FieldError("Encrypt", "must be padded with bytes that tell their number")
		}
	}
	plain = plain[:len(plain)-pad]
	size := int64(binary.BigEndian.Uint32(plain[pushRandom:pushHead]))
	if size > int64(len(plain)-pushHead) {
		return nil, minapush.FieldError("Encrypt", "tells of %d bytes and has %d", size, len(plain)-pushHead)
	}
	text, app := plain[pushHead:pushHead+size], plain[pushHead+size:]
	if subtle.ConstantTimeCompare(app, []byte(c.app)) != 1 {
		return nil, refusePush("wrong_app", "the push is for another app")
	}
	return text, nil
}

// seal encrypts, beginning with pushRandom random bytes.
func (c *pushCipher) seal(random, text []byte) (string, error) {
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return "", err
	}
	plain := slices.Clip(slices.Clone(random))
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(text)))
	plain = append(append(plain, text...), c.app...)
	pad := pushBlock - len(plain)%pushBlock
	for range pad {
		plain = append(plain, byte(pad))
	}
	cipher.NewCBCEncrypter(block, c.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}
