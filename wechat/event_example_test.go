package wechat_test

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/minapush/minapush/wechat"
)

// A push in clear, as in WeChat's own guide.
func ExampleReceiver_Open() {
	r, err := wechat.NewReceiver(wechat.ReceiverConfig{
		App: "wxba5fad812f8e6fb9", Token: "AAAAA", EncodingAESKey: strings.Repeat("A", 43), Mode: wechat.PushPlain,
		Now: func() time.Time { return time.Unix(1714037059, 0) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	query, _ := url.ParseQuery("signature=899cf89e464efb63f54ddac96b0a0a235f53aa78&timestamp=1714037059&nonce=486452656")
	body := `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714037059,"MsgType":"event","Event":"debug_demo"}`
	e, _, err := r.Open(query, []byte(body))
	fmt.Println(e.Type, e.Name, e.OpenID.Masked(), e.At, err)

	_, _, err = r.Open(query, []byte(strings.Replace(body, "debug_demo", "wxa_punish_event", 1)))
	fmt.Println(err)
	// Output:
	// other debug_demo o9Ag…GY 2024-04-25 09:24:19 +0000 UTC <nil>
	// push: something else came with the same signature
}
