package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// sign is the SHA-1 of the sorted parts, in lower-case hex: the signature of three, the msg_signature of four parts (fact sheet
// §2.2 and §2.4).
func sign(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// padBlock is the block of the padding: 32 bytes, although AES has 16.
const padBlock = 32

// encrypt is fact sheet §2.4: random, length, message, appid, padded, in AES-256-CBC with the head of the key as IV.
func (set *pushSetting) encrypt(random [16]byte, message []byte) (string, error) {
	block, err := aes.NewCipher(set.key)
	if err != nil {
		return "", err
	}
	text := make([]byte, 0, len(random)+4+len(message)+len(set.appid)+padBlock)
	text = append(text, random[:]...)
	text = binary.BigEndian.AppendUint32(text, uint32(len(message)))
	text = append(text, message...)
	text = append(text, set.appid...)
	pad := padBlock - len(text)%padBlock
	text = append(text, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, set.key[:aes.BlockSize]).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text), nil
}

// decrypt reads what the receiver encrypted as its reply; false if it is not for this app or broken.
func (set *pushSetting) decrypt(encrypted string) ([]byte, bool) {
	text, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(text) == 0 || len(text)%padBlock != 0 || set.key == nil {
		return nil, false
	}
	block, err := aes.NewCipher(set.key)
	if err != nil {
		return nil, false
	}
	cipher.NewCBCDecrypter(block, set.key[:aes.BlockSize]).CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad < 1 || pad > padBlock || !bytes.Equal(text[len(text)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, false
	}
	text = text[:len(text)-pad]
	if len(text) < 20 {
		return nil, false
	}
	size, rest := uint64(binary.BigEndian.Uint32(text[16:])), text[20:]
	if size > uint64(len(rest)) || string(rest[size:]) != set.appid {
		return nil, false
	}
	return rest[:size], true
}
